import numpy as np
import pytest
import torch
from torch.nn import functional as F

from unlabeled.data.text.tokenization.subword_tokenizer import SubwordTokenizer
from unlabeled.encoders.features import Features
from unlabeled.encoders.text.transformer import Transformer
from unlabeled.errors import UnlabeledError
from unlabeled.explore.inside import TextInWords, omission_effects, pair_contributions
from unlabeled.modalities.text import TextPreprocessing

TEXTS = ["the dog barks at the cat", "it rains, and the street is wet"]


def encoder(kind="wordpiece", **settings):
    torch.manual_seed(0)
    tokenizer = SubwordTokenizer.train(TEXTS, kind=kind, size=300)
    return Transformer(TextPreprocessing(tokenizer, 48), dim=16, layers=1, heads=2, **settings).eval()


@pytest.mark.parametrize("kind", ["wordpiece", "bpe", "characters"])
def test_every_token_belongs_to_its_word(kind):
    made = encoder(kind)
    text = TextInWords.read("  the  dog rains, ", made.preprocessing)
    assert text.words == ["[CLS]", "the", "dog", "rains,", "[SEP]"]
    tokenizer = made.preprocessing.tokenizer
    for number in (1, 2, 3):
        ids = text.values.ids[0].numpy()[text.word == number]
        assert tokenizer.decode(ids).replace(" ", "") == text.words[number]


def test_what_is_beyond_the_window_has_no_words():
    made = encoder()
    text = TextInWords.read("dog " * 100, made.preprocessing)
    assert len(text.words) == len(text.word) == 48
    with pytest.raises(UnlabeledError, match="no word"):
        TextInWords.read("  ", made.preprocessing)
    assert TextInWords.read("dog caf\udce9", made.preprocessing).words[-2:-1] == ["caf\ufffd"]


@pytest.mark.parametrize("normalise", [True, False])
def test_the_pairs_sum_to_the_cosine(normalise):
    made = encoder(normalise=normalise)
    one, other = (TextInWords.read(text, made.preprocessing) for text in TEXTS)
    found = pair_contributions(made, one, other)
    assert found.shape == (len(one.words), len(other.words))
    cosine = F.cosine_similarity(made(one.values), made(other.values)).item()
    assert found.sum() == pytest.approx(cosine, abs=1e-6)
    with pytest.raises(UnlabeledError, match="'cls'"):
        pair_contributions(encoder(pooling="cls"), one, other)


def test_a_word_is_left_out_with_all_its_tokens():
    made = encoder()
    one, other = (TextInWords.read(text, made.preprocessing) for text in TEXTS)
    found = omission_effects(made, one, other)
    without = TextInWords.read("the barks at the cat", made.preprocessing)
    cosines = [F.cosine_similarity(made(text.values), made(other.values)).item() for text in (one, without)]
    assert found[one.words.index("dog")] == pytest.approx(cosines[0] - cosines[1], abs=1e-6)
    assert found[0] == found[-1] == 0
    assert np.count_nonzero(found) == 6


def test_the_word_that_two_texts_share_matters_most():
    made = encoder()
    # A network that looks at nothing but the words themselves.
    for layer in made.encoder["layer"]:
        for part in (layer.attention["output"]["dense"], layer.output["dense"]):
            part.weight.data.zero_()
    made.embeddings.position_embeddings.weight.data.zero_()
    one, other = (TextInWords.read(text, made.preprocessing) for text in ("dog barks at", "rains dog street"))
    pairs = pair_contributions(made, one, other)[1:-1, 1:-1]
    assert np.unravel_index(pairs.argmax(), pairs.shape) == (0, 1)
    assert one.words[omission_effects(made, one, other).argmax()] == "dog"


def test_words_go_where_the_encoder_is_and_numbers_come_back(monkeypatch, on_gpu):
    made, places = encoder().to("meta"), []
    one, other = (TextInWords.read(text, made.preprocessing) for text in TEXTS)

    def vectors(values, *shape):
        places.extend(part.device.type for part in values)
        return on_gpu(torch.rand(*shape, 16))

    monkeypatch.setattr(made, "features", lambda values: Features(vectors(values, *values.ids.shape)))
    monkeypatch.setattr(made, "forward", lambda values: vectors(values, len(values.ids)))
    assert pair_contributions(made, one, other).shape == (len(one.words), len(other.words))
    assert omission_effects(made, one, other).shape == (len(one.words),)
    assert set(places) == {"meta"}
