import numpy as np
import pytest
import torch

import unlabeled.evaluation.probes.edge_probing as edge_probing_file
from unlabeled import BERT
from unlabeled.data.text.token_windows import TaggedWords
from unlabeled.data.text.tokenization.tokens import padded
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.probes.edge_probing import edge_probing, expected_layer, word_vectors

SENTENCES = [
    [["the", "a"][i % 2], ["dog", "cat", "bird", "cow"][i % 4], ["barks", "runs", "sleeps"][i % 3]] for i in range(60)
]
TAGS = [["DET", "NOUN", "VERB"]] * 60


@pytest.fixture(scope="module")
def encoder():
    texts = [" ".join(words) for words in SENTENCES]
    model = BERT(dim=32, layers=2, heads=2, length=16, epochs=2, next_sentence=False, progress=False, random_state=0)
    return model.fit(texts).encoder_


@torch.no_grad()
def test_a_word_is_the_vector_of_its_first_token_in_every_layer(encoder):
    sentence = ["the", "dogcat", "runs"]  # the second has several tokens
    ids, words = encoder.preprocessing.tokenizer.encode_words(sentence)
    assert len(ids) > 3
    values = padded([encoder.preprocessing.tokenizer.with_special_tokens(ids, 16)], 0)
    states = encoder.hidden_states(values)
    found = word_vectors(encoder, [sentence])
    assert found.shape == (3, 3, 32)
    for word in range(3):
        place = int(np.flatnonzero(words == word)[0]) + 1  # after the token that begins a text
        for layer, state in enumerate(states):
            assert torch.allclose(found[word, layer], state[0, place], atol=1e-6)


def test_words_keep_their_order_over_sentences_and_windows(encoder):
    together = word_vectors(encoder, [*SENTENCES[:5], ["the"] * 40])
    assert together.shape[0] == 15 + 40
    assert torch.allclose(together[3:6], word_vectors(encoder, [SENTENCES[1]]), atol=1e-5)
    assert (together.abs().sum((1, 2)) > 0).all()


@torch.no_grad()
def test_a_word_of_two_windows_counts_in_the_first(encoder):
    sentence = ["the", "dog", "runs", "a", "cow"] * 6
    made = TaggedWords.cut([sentence], encoder.preprocessing.tokenizer, 16)
    found, seen = word_vectors(encoder, [sentence]), set()
    for row, heads in zip(made.rows.rows, made.heads, strict=True):
        states = encoder.hidden_states(padded([row], 0))
        for place in np.flatnonzero(heads >= 0):
            if heads[place] not in seen:
                assert torch.allclose(found[heads[place], -1], states[-1][0, place], atol=1e-5)
        seen |= set(heads[heads >= 0].tolist())
    assert seen == set(range(30))


def test_tags_are_found_and_controls_tell_what_the_probe_learns(encoder):
    found = edge_probing(encoder, SENTENCES[:40], TAGS[:40], SENTENCES[40:], TAGS[40:])
    assert found.mix > 0.95
    assert max(found.layers) > 0.95
    assert len(found.layers) == len(found.weights) == 3
    assert sum(found.weights) == pytest.approx(1)
    assert found.centre == pytest.approx(sum(i * w for i, w in enumerate(found.weights)))
    assert len(found.cumulative) == 3
    assert found.cumulative[-1] == found.mix
    gains = [found.cumulative[i] - found.cumulative[i - 1] for i in (1, 2)]
    if sum(gains):
        assert found.expected_layer == pytest.approx((gains[0] + 2 * gains[1]) / sum(gains))
    assert found.commonest == pytest.approx(1 / 3)
    # Nine words are learnt by heart, whatever their tags: nothing here is selective.
    assert found.selectivity < 0.2


def test_tags_that_mean_nothing_are_at_chance(encoder):
    generator = np.random.default_rng(0)
    random = [[str(t) for t in generator.integers(0, 2, 3)] for _ in range(60)]
    found = edge_probing(encoder, SENTENCES[:40], random[:40], SENTENCES[40:], random[40:])
    assert found.mix == pytest.approx(0.5, abs=0.26)  # four deviations over 60 words


def test_the_expected_layer_is_where_accuracy_rises():
    assert expected_layer([0.2, 0.2, 0.9, 0.9]) == pytest.approx(2)
    assert expected_layer([0.2, 0.4, 0.3, 0.6]) == pytest.approx((0.2 - 2 * 0.1 + 3 * 0.3) / 0.4)
    assert np.isnan(expected_layer([0.5, 0.5]))
    assert np.isnan(expected_layer([0.5, 0.6, 0.4]))  # a mean of losses would lie beyond the last layer


def test_what_does_not_fit_is_an_error(encoder):
    with pytest.raises(UnlabeledError, match="sentence 0 has 3 words but 2 tags"):
        edge_probing(encoder, SENTENCES, [["A", "B"]] * 60, SENTENCES, TAGS)
    with pytest.raises(UnlabeledError, match="two different tags"):
        edge_probing(encoder, SENTENCES, [["A"] * 3] * 60, SENTENCES, TAGS)


def test_the_test_sentences_have_their_tags_too(encoder):
    with pytest.raises(UnlabeledError, match="sentence 0 has 3 words but 2 tags"):
        edge_probing(encoder, SENTENCES, TAGS, SENTENCES, [["A", "B"]] * 60)
    with pytest.raises(UnlabeledError, match="60 sentences but 59 lists of tags"):
        edge_probing(encoder, SENTENCES, TAGS, SENTENCES, TAGS[:59])


def test_test_words_are_judged_in_parts(monkeypatch):
    torch.manual_seed(0)
    x, y = torch.randn(50, 3, 8) * 4 + 1, np.arange(50) % 2
    x[:, 1, 0] += torch.from_numpy(y) * 20
    seen, mixed = [], edge_probing_file._mixed
    monkeypatch.setattr(edge_probing_file, "_mixed", lambda x, mix: seen.append(len(x)) or mixed(x, mix))
    found = []
    for part in (7, 1000):
        monkeypatch.setattr(edge_probing_file, "JUDGED", part)
        torch.manual_seed(0)
        found.append(edge_probing_file._probe(x[:20], y[:20], x, y, 2))
        judged = seen[edge_probing_file.STEPS :]
        assert sum(judged) == 50
        assert max(judged) == min(part, 50)
        seen.clear()
    assert found[0] == found[1]
    assert found[0][0] > 0.9
