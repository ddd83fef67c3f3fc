"""Texts read window by window: what a token knows, and what the vector of a text does not depend on."""

import pytest
import torch

from unlabeled.data.text.tokenization.subword_tokenizer import SubwordTokenizer
from unlabeled.data.text.tokenization.tokens import Tokens, padded
from unlabeled.encoders import load_encoder
from unlabeled.encoders.checkpoint import write_encoder
from unlabeled.encoders.text.lstm import LSTM
from unlabeled.encoders.text.transformer import Transformer
from unlabeled.encoders.text.windowed_text import WindowedText
from unlabeled.modalities.text import TextPreprocessing

ABOUT = TextPreprocessing(SubwordTokenizer.train(["a b c d e f g h"], size=30), length=20)


@pytest.fixture(params=["transformer", "lstm"])
def inner(request):
    torch.manual_seed(0)
    if request.param == "lstm":
        return LSTM(ABOUT.part(6), width=8, layers=1).eval()
    return Transformer(ABOUT.part(6), dim=16, layers=1, heads=2).eval()


@pytest.mark.parametrize("stride", [6, 4])
def test_a_token_of_a_text_knows_its_windows_only(stride, inner):
    encoder = WindowedText(ABOUT, encoder=inner, size=6, stride=stride).eval()
    ids = torch.randint(5, 15, (2, 14))
    mask = torch.ones(2, 14, dtype=torch.bool)
    mask[1, 7:] = False
    total, counts = torch.zeros(2, 14, encoder.dim), torch.zeros(2, 14, 1)
    with torch.no_grad():
        for row, length in enumerate((14, 7)):
            for start in range(0, length, stride):
                part = ids[row, start : start + 6][: length - start]
                vectors = inner.features(Tokens(part[None], torch.ones(1, len(part), dtype=torch.bool))).vectors[0]
                total[row, start : start + len(part)] += vectors
                counts[row, start : start + len(part)] += 1
                if start + 6 >= length:  # nothing is left for another window
                    break
        features = encoder.features(Tokens(ids, mask))
        expected = total / counts.clamp_min(1)
        torch.testing.assert_close(features.vectors[0], expected[0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(features.vectors[1], expected[1], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(encoder(Tokens(ids, mask))[1], expected[1, :7].mean(0), rtol=1e-4, atol=1e-5)
        states = encoder.hidden_states(Tokens(ids, mask))
        torch.testing.assert_close(states[-1][1, :4], inner.hidden_states(Tokens(ids[1:, :6], mask[1:, :6]))[-1][0, :4])
        vectors, real = encoder.windows(Tokens(ids, mask))
    assert features.mask is mask
    assert real.sum(1).tolist() == [3, 2]
    assert not vectors[1, 2].any()


@pytest.mark.parametrize("length", [1, 4, 5, 6, 7, 10])
def test_windows_that_overlap_do_not_depend_on_longer_texts_beside(length, inner):
    encoder = WindowedText(ABOUT, encoder=inner, size=6, stride=4).eval()
    row, longer = torch.randint(5, 15, (length,)).tolist(), torch.randint(5, 15, (18,)).tolist()
    with torch.no_grad():
        alone, beside = encoder(padded([row], 0)), encoder(padded([row, longer], 0))
    torch.testing.assert_close(alone[0], beside[0], rtol=1e-4, atol=1e-5)


def test_a_saved_encoder_gives_the_same_vectors(inner, tmp_path):
    encoder = WindowedText(ABOUT, encoder=inner, size=6, stride=4).eval()
    write_encoder(encoder, tmp_path, {})
    values = padded([list(range(5, 15)), [5]], 0)
    with torch.no_grad():
        assert torch.equal(load_encoder(tmp_path)(values), encoder(values))
