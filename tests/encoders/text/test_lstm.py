import pytest
import torch

from unlabeled.data.text.tokenization.subword_tokenizer import SubwordTokenizer
from unlabeled.data.text.tokenization.tokens import Tokens, padded
from unlabeled.encoders.encoder import from_description
from unlabeled.encoders.text.lstm import LSTM
from unlabeled.modalities.text import TextPreprocessing

ROWS = [[5, 6, 7, 8, 9], [10, 11], [5]]


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    tokenizer = SubwordTokenizer.train(["one two three four five six seven eight nine ten"], size=40)
    return LSTM(TextPreprocessing(tokenizer, 32), width=8, layers=2).eval()


@torch.no_grad()
def test_a_vector_does_not_depend_on_padding_or_other_texts(encoder):
    together = encoder(padded(ROWS, 0))
    for i, row in enumerate(ROWS):
        assert torch.allclose(encoder(padded([row], 0))[0], together[i], atol=1e-6)
        assert torch.allclose(encoder(padded([row], 0, 32))[0], together[i], atol=1e-6)


@torch.no_grad()
def test_each_direction_sees_one_side_only_in_every_layer(encoder):
    values = padded(ROWS[:1], 0)
    changed = Tokens(values.ids.clone(), values.mask)
    changed.ids[0, 2] = 12
    for before, after in zip(
        zip(*encoder.directions(values), strict=True), zip(*encoder.directions(changed), strict=True), strict=True
    ):
        assert torch.equal(before[0][0, :2], after[0][0, :2])  # left to right: nothing before the change
        assert torch.equal(before[1][0, 3:], after[1][0, 3:])  # right to left: nothing after it
        assert not torch.equal(before[0][0, 2:], after[0][0, 2:])


@torch.no_grad()
def test_no_state_is_left_from_a_call(encoder):
    first = encoder(padded(ROWS, 0))
    encoder(padded([[12] * 9], 0))
    assert torch.equal(encoder(padded(ROWS, 0)), first)


@torch.no_grad()
def test_the_vector_of_a_token_is_the_mix_of_the_layers(encoder):
    values = padded(ROWS, 0)
    states = encoder.hidden_states(values)
    encoder.mix.copy_(torch.tensor([0.0, 1.0, -1.0]))
    weights = torch.tensor([0.0, 1.0, -1.0]).softmax(0)
    expected = sum(w * h for w, h in zip(weights, states, strict=True))
    assert torch.allclose(encoder.features(values).vectors, expected, atol=1e-6)
    encoder.mix.zero_()


def test_it_is_built_again_from_its_description(encoder):
    again = from_description(encoder.describe(), encoder.preprocessing)
    again.load_state_dict(encoder.state_dict())
    assert torch.equal(again.eval()(padded(ROWS, 0)), encoder(padded(ROWS, 0)))
