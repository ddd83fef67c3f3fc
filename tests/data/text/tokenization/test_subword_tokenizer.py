import itertools
import json

import numpy as np
import pytest

from unlabeled.data.text.tokenization.subword_tokenizer import SubwordTokenizer
from unlabeled.errors import UnlabeledError

TEXTS = ["the cat sat on the mat", "the dog sat on the log", "cats and dogs, mats and logs!"]
OTHERS = "héllo 日本語 हिन्दी مرحبا 😀"


@pytest.fixture(scope="module", params=["wordpiece", "bpe", "characters"])
def tokenizer(request):
    return SubwordTokenizer.train([*TEXTS, OTHERS], kind=request.param, size=400)


def test_a_text_survives_a_round_trip(tokenizer):
    for text in TEXTS[:2]:
        assert tokenizer.decode(tokenizer.encode([text])[0]) == text


def test_other_scripts_and_emoji_are_encoded(tokenizer):
    ids = tokenizer.encode([OTHERS])[0]
    assert len(ids) > 5
    assert tokenizer.special_id("unk") not in ids


def test_bytes_and_characters_give_texts_back_exactly():
    odd = "  Two  spaces,\ttab,\nline. "
    for kind in ("bpe", "characters"):
        trained = SubwordTokenizer.train([odd], kind=kind, size=400)
        assert trained.decode(trained.encode([odd])[0]) == odd


def test_what_looks_like_a_special_token_in_a_text_is_text(tokenizer):
    ids = tokenizer.encode(["[MASK] the [PAD]"])[0]
    assert not set(ids.tolist()) & {tokenizer.special_id("mask"), tokenizer.pad}


def test_only_a_marked_text_has_special_tokens(tokenizer):
    assert (tokenizer.encode_marked("the [MASK] sat") == tokenizer.special_id("mask")).sum() == 1
    assert tokenizer.special_id("mask") not in tokenizer.encode(["the [MASK] sat"])[0]


def test_special_tokens_stand_around_a_text_and_survive_cutting(tokenizer):
    cls, sep = tokenizer.special_id("cls"), tokenizer.special_id("sep")
    ids = np.arange(10, 30, dtype=np.int32)
    assert tokenizer.with_special_tokens(ids[:2], 8).tolist() == [cls, 10, 11, sep]
    assert tokenizer.with_special_tokens(ids, 5).tolist() == [cls, 10, 11, 12, sep]


@pytest.mark.parametrize(
    ("first", "second", "kept"), [(2, 2, (2, 2)), (9, 1, (4, 1)), (1, 9, (1, 4)), (9, 9, (3, 2)), (3, 9, (3, 2))]
)
def test_of_a_pair_the_longer_text_is_cut(tokenizer, first, second, kept):
    cls, sep = tokenizer.special_id("cls"), tokenizer.special_id("sep")
    a, b = np.arange(50, 50 + first, dtype=np.int32), np.arange(70, 70 + second, dtype=np.int32)
    row = tokenizer.pair_with_special_tokens(a, b, 8).tolist()
    assert row == [cls, *a[: kept[0]].tolist(), sep, *b[: kept[1]].tolist(), sep]


def test_a_limit_reads_the_beginning_and_changes_no_token(tokenizer):
    long = "the cat sat on the mat, and dogs sat on logs. " * 400
    whole = tokenizer.encode([long, "the", ""])
    short = tokenizer.encode([long, "the", ""], limit=20)
    assert len(short[0]) == 20
    for all_of_it, beginning in zip(whole, short, strict=True):
        assert np.array_equal(all_of_it[:20], beginning)


def test_a_limit_holds_for_one_endless_word_and_for_blanks(tokenizer):
    for text in ("a" * 5000, " " * 5000 + "cat", "\n" * 3000):
        whole = tokenizer.encode([text])[0][:20]
        assert np.array_equal(tokenizer.encode([text], limit=20)[0], whole)


def test_words_know_their_tokens(tokenizer):
    if tokenizer.special_id("unk") in tokenizer.encode(["lowlands"])[0]:
        pytest.skip("letters that were never seen")
    ids, words = tokenizer.encode_words(["the", "lowlands"])
    assert len(ids) == len(words)
    assert words[0] == 0
    assert words[-1] == 1
    assert (np.diff(words[words >= 0]) >= 0).all()  # −1 is the space before a word


def test_places_point_into_the_text(tokenizer):
    ((ids, places),) = tokenizer.encode_with_places(["the cat"])
    assert len(ids) == len(places)
    assert places.min() == 0
    assert places.max() == 7


def test_it_is_the_same_after_saving(tokenizer):
    again = SubwordTokenizer.from_dict(json.loads(json.dumps(tokenizer.to_dict())))
    assert again == tokenizer
    assert again.fingerprint == tokenizer.fingerprint
    assert np.array_equal(again.encode(TEXTS)[2], tokenizer.encode(TEXTS)[2])


def test_transformers_reads_what_is_saved(tokenizer, tmp_path):
    from transformers import AutoTokenizer

    tokenizer.save(tmp_path, 16)
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    framed = [tokenizer.with_special_tokens(row, 16).tolist() for row in tokenizer.encode(TEXTS)]
    assert theirs(TEXTS, truncation=True)["input_ids"] == framed
    ours = SubwordTokenizer.from_folder(tmp_path)
    assert ours.special == tokenizer.special
    assert np.array_equal(ours.encode(TEXTS)[0], tokenizer.encode(TEXTS)[0])


@pytest.mark.parametrize("kind", ["wordpiece", "bpe", "characters"])
def test_the_same_texts_give_the_same_tokenizer(kind):
    texts = [*TEXTS, OTHERS, "an equal number of pairs ties: abcd efgh ijkl mnop qrst"]
    first, *others = (SubwordTokenizer.train(texts, kind=kind, size=300).to_dict() for _ in range(4))
    assert all(other == first for other in others)


def test_rare_signs_make_room_for_words():
    signs = "".join(chr(0x4E00 + i) for i in range(1500))
    tokenizer = SubwordTokenizer.train(["the cat sat " * 5, signs], size=2500)
    assert "cat" in tokenizer.backend.get_vocab()
    assert len(tokenizer) <= 2500
    assert tokenizer.special_id("unk") in tokenizer.encode([signs])[0]


def test_nothing_to_train_on_is_an_error():
    with pytest.raises(UnlabeledError, match="nothing but white space"):
        SubwordTokenizer.train(["", "  "])
    with pytest.raises(UnlabeledError, match="did you mean 'wordpiece'"):
        SubwordTokenizer.train(["a"], kind="wordpieces")
    with pytest.raises(UnlabeledError, match="no room"):
        SubwordTokenizer.train(["a"], size=5)


def test_a_folder_without_a_tokenizer_is_an_error(tmp_path):
    with pytest.raises(UnlabeledError, match="holds no tokenizer"):
        SubwordTokenizer.from_folder(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(UnlabeledError, match="cannot be used"):
        SubwordTokenizer.from_folder(tmp_path)


def test_a_saved_tokenizer_that_is_damaged_is_an_error():
    with pytest.raises(UnlabeledError, match="cannot be read"):
        SubwordTokenizer.from_dict({"definition": "{}", "special": {}})


def test_words_have_the_tokens_of_running_text(tokenizer):
    words = ["the", "cat", "sat", "on", "logs"]
    ids, numbers = tokenizer.encode_words(words)
    assert ids.tolist() == tokenizer.encode([" ".join(words)])[0].tolist()
    assert [number for number, _ in itertools.groupby(n for n in numbers.tolist() if n >= 0)] == [0, 1, 2, 3, 4]
    firsts = [tokenizer.token(ids[int(np.flatnonzero(numbers == word)[0])]) for word in range(5)]
    assert all(first.strip("Ġ ") for first in firsts)  # no token that is a space alone begins a word


def test_an_empty_word_has_no_token(tokenizer):
    _, numbers = tokenizer.encode_words(["the", "", "cat"])
    assert set(numbers.tolist()) - {-1} == {0, 2}
