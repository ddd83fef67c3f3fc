import numpy as np
import pytest
import torch

from unlabeled.data.text.texts import Texts
from unlabeled.data.text.tokenization.subword_tokenizer import SubwordTokenizer
from unlabeled.data.text.tokenization.tokenized import bucketed, by_length
from unlabeled.data.text.tokenization.tokens import TextPair, TextTriple, padded

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight"]


@pytest.fixture(scope="module")
def tokenizer():
    return SubwordTokenizer.train([" ".join(WORDS)], size=100)


def test_a_batch_is_padded_to_its_longest_text(tokenizer):
    texts = Texts(["one two three", "", "one"], labels=["a", "b", ""]).tokenize(tokenizer, 16)
    batch = texts.gather(torch.tensor([0, 1, 2]))
    assert batch.values.mask.sum(1).tolist() == texts.lengths.tolist()
    assert (batch.values.ids[~batch.values.mask] == tokenizer.pad).all()
    assert batch.values.ids[1, :2].tolist() == [tokenizer.special_id("cls"), tokenizer.special_id("sep")]
    assert batch.labels.tolist() == [0, 1, -1]
    assert batch.index.tolist() == [0, 1, 2]
    assert texts.gather(torch.tensor([1])).values.ids.shape == (1, 2)


def test_long_texts_are_cut_to_the_window(tokenizer):
    values = Texts(["one " * 100]).tokenize(tokenizer, 9).gather(torch.tensor([0])).values
    assert values.ids.shape == (1, 9)
    assert values.ids[0, -1] == tokenizer.special_id("sep")


def test_pairs_and_triples_are_encoded_apart(tokenizer):
    pair = Texts([("one", "two three")]).tokenize(tokenizer, 16).gather(torch.tensor([0])).values
    assert isinstance(pair, TextPair)
    alone = Texts(["two three"]).tokenize(tokenizer, 16).gather(torch.tensor([0])).values
    assert torch.equal(pair.second.ids, alone.ids)
    triple = Texts([("one", "two", "six")]).tokenize(tokenizer, 16).gather(torch.tensor([0])).values
    assert isinstance(triple, TextTriple)


def test_the_fingerprint_knows_texts_tokenizer_and_length(tokenizer):
    first = Texts(["one"]).tokenize(tokenizer, 16)
    assert first.fingerprint == Texts(["one"]).tokenize(tokenizer, 16).fingerprint
    other = SubwordTokenizer.train(["one two"], size=100)
    different = [Texts(["two"]).tokenize(tokenizer, 16), Texts(["one"]).tokenize(tokenizer, 8)]
    assert first.fingerprint not in [t.fingerprint for t in [*different, Texts(["one"]).tokenize(other, 16)]]


def test_padding_to_a_given_length():
    tokens = padded([[7]], pad=3, length=4)
    assert tokens.ids.tolist() == [[7, 3, 3, 3]]
    assert tokens.mask.tolist() == [[True, False, False, False]]


def test_buckets_hold_every_text_once_and_little_padding():
    generator = np.random.default_rng(0)
    lengths = torch.from_numpy(generator.lognormal(3, 0.7, 5000).astype(np.int64) + 2)
    batches = bucketed(torch.randperm(5000), lengths, 32, torch.Generator().manual_seed(0))
    seen = torch.cat(batches)
    assert len(seen.unique()) == len(seen) == 5000 - 5000 % 32
    real = sum(int(lengths[rows].sum()) for rows in batches)
    padded_size = sum(32 * int(lengths[rows].max()) for rows in batches)
    assert 1 - real / padded_size < 0.10
    sizes = [int(lengths[rows].max()) for rows in batches]
    assert sizes != sorted(sizes)  # in random order


def test_it_is_chance_and_not_length_that_leaves_texts_out():
    lengths, left_out = torch.arange(40) + 2, torch.zeros(40)
    for _ in range(200):
        batches = bucketed(torch.randperm(40), lengths, 16, torch.Generator().manual_seed(0))
        assert [len(rows) for rows in batches] == [16, 16]
        left_out += ~torch.isin(torch.arange(40), torch.cat(batches))
    # Each sits out in a fifth of the epochs; four deviations of 200 draws are 0.11.
    assert left_out.div(200).sub(0.2).abs().max() < 0.12


def test_encoding_goes_from_the_longest_to_the_shortest():
    lengths = np.array([5, 9, 1, 9])
    assert torch.cat(by_length(lengths, 3)).tolist() == [1, 3, 0, 2]
