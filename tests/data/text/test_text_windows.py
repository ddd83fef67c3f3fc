import json

import pytest
import torch
from tokenizers import Tokenizer

from unlabeled.data.text.text_windows import SegmentPairs, Windows
from unlabeled.data.text.tokenization.subword_tokenizer import SubwordTokenizer
from unlabeled.errors import UnlabeledError

DOCUMENTS = ["one two. three four. five six.", "", "seven", "eight one two three four five six seven eight one two"]


@pytest.fixture(scope="module")
def tokenizer():
    return SubwordTokenizer.train([*DOCUMENTS, "one two three four five six seven eight"] * 9, size=100)


def test_windows_leave_no_token_out(tokenizer):
    windows = Windows(DOCUMENTS, tokenizer, 7)
    values = windows.gather(torch.arange(len(windows))).values
    stream = values.ids[values.mask].tolist()
    expected = [
        t for row in tokenizer.encode(DOCUMENTS) if len(row) for t in tokenizer.with_special_tokens(row, 10**6).tolist()
    ]
    assert stream == expected
    assert values.mask[:-1].all()


def test_segments_are_whole_sentences_and_what_follows_them(tokenizer):
    pairs = SegmentPairs(DOCUMENTS, tokenizer, 13)  # five tokens a segment, ten of what follows
    first, second, document = pairs.gather(torch.arange(len(pairs))).values
    texts = [(tokenizer.decode(a[m]), tokenizer.decode(b[n])) for a, m, b, n in zip(*first, *second, strict=True)]
    assert texts[:4] == [
        ("one two.", "three four. five six."),
        ("three four.", "five six."),
        ("five six.", ""),  # the document ends
        ("seven", ""),
    ]
    assert document.tolist()[:4] == [0, 0, 0, 2]
    assert first.mask.sum(1).max() <= 5
    joined = " ".join(a for (a, _), d in zip(texts, document.tolist(), strict=True) if d == 3)
    assert joined == DOCUMENTS[3]


@pytest.mark.parametrize("kind", [Windows, SegmentPairs])
def test_nothing_but_empty_documents_is_an_error(tokenizer, kind):
    with pytest.raises(UnlabeledError, match="all texts are empty"):
        kind(["", "  "], tokenizer, 16)


def test_a_window_too_small_for_two_segments_is_an_error(tokenizer):
    with pytest.raises(UnlabeledError, match="do not fit"):
        SegmentPairs(["one"], tokenizer, 4)


def test_documents_are_parted_by_a_tokenizer_that_puts_nothing_around_them(tokenizer):
    backend = json.loads(tokenizer.backend.to_str()) | {"post_processor": None}
    bare = SubwordTokenizer(Tokenizer.from_str(json.dumps(backend)), {"pad": "[PAD]", "sep": "[SEP]"})
    stream = Windows(["one two", "", "three"], bare, 16).stream
    one, three = bare.encode(["one two", "three"])
    assert stream.tolist() == [*one, bare.special_id("sep"), *three, bare.special_id("sep")]
