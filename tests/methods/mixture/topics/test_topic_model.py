"""What PLSA and LDA have in common: text, counts, fold-in, top words, held-out words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import unlabeled
from unlabeled import PLSA, LatentDirichletAllocation
from unlabeled.data.text.documents import Documents
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.topic_coherence import topic_coherence, topic_diversity

ANIMALS = ["cat purrs cat fur", "dog barks dog fur", "cat fur purrs", "dog barks loudly"] * 5
FOOD = ["soup salt pepper", "bread salt butter", "pepper soup bread", "butter bread soup"] * 5
TEXTS = ANIMALS + FOOD


@pytest.fixture(params=[PLSA, LatentDirichletAllocation], ids=lambda cls: cls.__name__)
def method(request):
    return request.param


def test_texts_come_in_and_words_go_out(method):
    starts = {"n_init": 5} if method is PLSA else {}  # few documents have many maxima
    model = method(2, random_state=0, **starts).fit(TEXTS)
    topics = model.top_words(5)
    assert all(len(topic) == 5 for topic in topics)
    assert sorted("soup" in topic for topic in topics) == [False, True]
    food = next(i for i, topic in enumerate(topics) if "soup" in topic)
    theta = model.transform(["bread and butter", "the cat purrs"])
    assert theta[0, food] > 0.7
    assert theta[1, food] < 0.3
    np.testing.assert_allclose(model.components_.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(theta.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(model.weights_.sum(), 1, rtol=1e-5)
    assert model.n_features_in_ == len(model.vocabulary_)


def test_the_filters_are_those_of_the_vectoriser(method):
    model = method(2, stop_words=None, min_df=6, max_df=0.4).fit([*TEXTS, "and the and"])
    assert model.vocabulary_ == Documents.count([*TEXTS, "and the and"], stop_words=None, min_df=6, max_df=0.4).words
    assert "loudly" not in model.vocabulary_
    assert method(2, max_features=3).fit(TEXTS).n_features_in_ == 3


def test_text_documents_and_matrices_are_the_same_to_it(method, tmp_path):
    documents = Documents.count(TEXTS)
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(TEXTS))
    dense = documents.counts.toarray().astype(np.float32)
    np.save(tmp_path / "counts.npy", dense)
    expected = method(2, random_state=0).fit(TEXTS)
    frame = pd.DataFrame(dense, columns=documents.words)
    for given in (documents, path, sp.csr_matrix(dense), sp.csc_array(dense), dense, tmp_path / "counts.npy", frame):
        model = method(2, random_state=0).fit(given)
        np.testing.assert_array_equal(model.components_, expected.components_)
        np.testing.assert_array_equal(model.transform(given), expected.transform(TEXTS))
        if given is frame or isinstance(given, Documents) or given is path:
            assert model.top_words(3) == expected.top_words(3)
        else:
            numbers = [[documents.words.index(word) for word in topic] for topic in expected.top_words(3)]
            assert model.top_words(3) == [[str(number) for number in topic] for topic in numbers]


def test_blocks_of_a_large_matrix_are_put_together(method):
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.02, (700, 5000)).astype(np.float32)  # several blocks
    settings = {"max_iter": 3, "random_state": 0}
    dense, sparse = (method(3, **settings).fit(kind) for kind in (counts, sp.csr_matrix(counts)))
    streamed = method(3, **settings).fit(lambda: iter([counts[:100], counts[100:]]))
    np.testing.assert_array_equal(dense.components_, sparse.components_)
    np.testing.assert_array_equal(dense.components_, streamed.components_)


def test_fold_in_leaves_the_topics_alone_and_rows_apart(method, simulated):
    counts = simulated[0].astype(np.float64)
    model = method(5, random_state=0).fit(counts[:200])
    before = model.components_.copy()
    theta = model.transform(counts[200:])
    np.testing.assert_array_equal(model.components_, before)
    np.testing.assert_array_equal(model.transform(counts[200:][::-1]), theta[::-1])
    np.testing.assert_array_equal(model.transform(counts[200:201]), theta[:1])


def test_the_number_of_threads_does_not_change_a_bit(method, simulated, monkeypatch):
    from unlabeled.methods.mixture.topics import word_counts

    monkeypatch.setattr(word_counts, "PIECE", 500)  # several pieces
    alone, together = (
        method(5, random_state=0, max_iter=10, workers=workers).fit(simulated[0] * 1.0) for workers in (1, 3)
    )
    np.testing.assert_array_equal(alone.components_, together.components_)
    np.testing.assert_array_equal(alone.transform(simulated[0]), together.transform(simulated[0]))
    assert alone.history_ == together.history_
    assert alone.score(simulated[0]) == together.score(simulated[0])


def test_empty_documents_are_counted_and_have_equal_shares(method):
    model = method(2, random_state=0).fit([*TEXTS, "", "and the"])
    assert model.empty_ == 2
    np.testing.assert_allclose(model.transform(["", "unheard-of zebra"]), 0.5)
    assert model.fit_transform([*TEXTS, ""]).shape == (41, 2)


def test_score_is_the_mean_log_likelihood_of_a_word(method):
    model = method(2, random_state=0).fit(TEXTS)
    new = ["cat soup soup zebra", "dog"]
    theta, counts = model.transform(new), Documents.count(new, vocabulary=model.vocabulary_).counts.toarray()
    logs = np.log(theta.astype(float) @ model.components_.astype(float), where=counts > 0, out=np.zeros(counts.shape))
    np.testing.assert_allclose(model.score(new), (counts * logs).sum() / counts.sum(), rtol=1e-5)


def test_perplexity_of_words_that_are_all_alike_is_their_number(method):
    rng = np.random.default_rng(0)
    counts = rng.multinomial(2000, np.full(40, 1 / 40), 50)
    # Equally probable words are as hard to foretell as a die of 40 sides; one topic can learn no more of 100,000 words.
    assert 39.9 < method(1).fit(counts).perplexity(counts) < 40.1


def test_perplexity_tells_a_model_from_none(method, simulated):
    counts, theta, beta = simulated
    model, one = (method(k, random_state=0).fit(counts[:200] * 1.0) for k in (5, 1))
    held_out = counts[200:] * 1.0
    truth = np.exp(-(counts[200:] * np.log(theta[200:] @ beta)).sum() / counts[200:].sum())
    assert truth < model.perplexity(held_out) < 1.15 * truth
    assert one.perplexity(held_out) > 1.5 * truth
    assert model.perplexity(held_out) == model.perplexity(held_out)
    assert model.perplexity(held_out) != model.perplexity(held_out, random_state=1)


def test_save_and_load_give_the_same_answers_bit_for_bit(method, tmp_path):
    model = method(2, random_state=0, stop_words=["cat"]).fit(TEXTS)
    model.save(tmp_path / "model")
    for loaded in (method.load(tmp_path / "model"), unlabeled.load(tmp_path / "model")):
        assert loaded.get_params() == model.get_params()
        assert loaded.top_words(4) == model.top_words(4)
        np.testing.assert_array_equal(loaded.transform(TEXTS), model.transform(TEXTS))
        assert loaded.perplexity(TEXTS) == model.perplexity(TEXTS)


def test_a_second_fit_starts_afresh(method):
    model = method(2, random_state=0)
    frame = pd.DataFrame(Documents.count(TEXTS).counts.toarray(), columns=Documents.count(TEXTS).words)
    first = model.fit(TEXTS).top_words(3)
    model.fit(frame)
    assert model.vocabulary_ is None
    assert model.fit(TEXTS).top_words(3) == first
    assert not hasattr(model, "feature_names_in_")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([], "there is no text: the list gave nothing"),
        (["", " "], "2 documents, of which 0 hold any text"),
        (["the", "and"], "stop words"),
        (np.zeros((3, 4)), "all 3 documents are empty"),
        (np.array([[1.0, 2], [0, -1]]), "document 1 has -1.0 in column 1"),
        (np.array([[1.0, 2], [np.nan, 1]]), "NaN in row 1, column 0"),
        (np.array([[1.0, 2], [1, np.inf]]), "infinity in row 1, column 1"),
        (sp.csr_matrix([[1.0, np.nan], [1, 1]]), "NaN in row 0, column 1"),
        (np.ones((1, 5)), r"n_samples=1 should be >= n_components=2"),
        (["cat"], r"n_samples=1 should be >= n_components=2"),
        ("/nowhere/texts", "does not exist"),
        (iter(["cat", "dog"]), "only once"),
    ],
)
def test_what_has_no_topics_is_refused_in_words(method, data, says):
    with pytest.raises(UnlabeledError, match=says):
        method(2).fit(data)


def test_text_for_a_model_of_numbers_and_other_words_are_refused(method):
    with pytest.raises(UnlabeledError, match="fitted to counts without words"):
        method(2).fit(np.ones((4, 4))).transform(TEXTS)
    model = method(2).fit(TEXTS)
    with pytest.raises(UnlabeledError, match=r"not the .* of the model"):
        model.transform(Documents.count(["zebra"]))
    with pytest.raises(UnlabeledError, match="no word to score"):
        model.score(["zebra"])
    with pytest.raises(UnlabeledError, match=r"has 0\.5 in column 0"):
        model.perplexity(np.full((2, model.n_features_in_), 0.5))


@pytest.mark.slow
@pytest.mark.real_data
def test_topics_of_newsgroups_are_coherent_and_differ(method, real_data):
    """Beside topics of words drawn at random by their frequency: far more coherent, and about as different."""
    import pyarrow.parquet as pq

    texts = pq.read_table(real_data / "newsgroups" / "train.parquet").column("text").to_pylist()
    documents = Documents.count(texts[:4000], min_df=10, max_df=0.2)
    held_out = Documents.count(texts[4000:6000], vocabulary=documents.words)
    model = method(20, random_state=0, max_iter=100).fit(documents)
    rng, frequency = np.random.default_rng(0), np.asarray(documents.counts.sum(axis=0)).ravel()
    chance = [rng.choice(documents.words, 10, False, frequency / frequency.sum()).tolist() for _ in range(20)]
    topics = model.top_words(25)
    assert topic_coherence(topics, held_out).mean > topic_coherence(chance, held_out).mean + 0.15
    assert topic_diversity(topics) > 0.5
    assert model.perplexity(held_out) < 0.8 * method(1, max_iter=2).fit(documents).perplexity(held_out)
