from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.feature_extraction.text import CountVectorizer

from unlabeled.data.text.documents import Documents, tidy_counts
from unlabeled.errors import UnlabeledError

TEXTS = ["The cat sat on the mat.", "A dog! A dog barked at the cat.", "", "mat, mat"]


def test_it_counts_as_scikit_learn_does():
    for settings in (
        {},
        {"stop_words": None, "min_df": 2},
        {"max_df": 0.5, "max_features": 2},
        {"stop_words": ["cat"]},
    ):
        theirs = CountVectorizer(**{"stop_words": "english"} | settings)
        expected = theirs.fit_transform(TEXTS).toarray()
        documents = Documents.count(TEXTS, **settings)
        assert documents.words == theirs.get_feature_names_out().tolist()
        assert np.array_equal(documents.counts.toarray(), expected)


def test_empty_documents_keep_their_row_and_are_told():
    documents = Documents.count(TEXTS)
    assert len(documents) == 4
    assert documents.empty == 1
    assert documents.counts[2].nnz == 0
    assert "1 without a word" in repr(documents)


def test_a_given_vocabulary_is_counted_alone_and_in_its_order():
    documents = Documents.count(["cat dog cat", "bird"], vocabulary=["dog", "cat", "cow"])
    assert documents.words == ["dog", "cat", "cow"]
    assert documents.counts.toarray().tolist() == [[1, 2, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("source", "settings", "says"),
    [
        (["the and of", "a"], {}, "no vocabulary can be made of 2 documents, of which 2 hold any text.*stop words"),
        (["", " "], {}, "2 documents, of which 0 hold any text"),
        (["cat", "dog"], {"min_df": 2}, "no terms remain.*min_df=2"),
        (["cat", "cat"], {"max_df": 0.5}, "no vocabulary.*max_df=0.5"),
        (["cat", "dog"], {"min_df": 3, "max_df": 0.5}, "max_df lets fewer documents pass"),
        (["cat", 3], {}, "item 1 of the text is 3"),
        ([], {}, "there is no text"),
        ("/nowhere/x", {}, "does not exist"),
        (["cat"], {"column": "text"}, "for tables"),
    ],
)
def test_what_cannot_be_counted_is_refused_in_words(source, settings, says):
    with pytest.raises(UnlabeledError, match=says):
        Documents.count(source, **settings)


def test_ready_counts_are_taken_and_checked():
    counts = np.array([[0, 2], [1, 0]])
    documents = Documents.of_counts(sp.csr_matrix(counts), ["a", "b"])
    assert np.array_equal(documents.counts.toarray(), counts)
    assert Documents.count(documents) is documents
    assert Documents.of_counts(counts * 1.0, ["a", "b"], ["x", "y"]).ids == ["x", "y"]
    for wrong, says in [
        (np.array([[0, 1], [0, -1]]), "document 1 has -1 in column 1"),
        (np.array([[0, 1], [0.5, 1]]), "document 1 has 0.5 in column 0.*whole numbers"),
        (np.array([[0, np.nan]]), "document 0 has nan in column 1"),
        (np.zeros((3, 2)), "all 3 documents are empty"),
        (np.ones((2, 3)), "do not go with 2 words"),
        (np.ones(3), "must be a matrix"),
    ]:
        with pytest.raises(UnlabeledError, match=says):
            Documents.of_counts(wrong, ["a", "b"])


def test_tidying_leaves_the_input_alone():
    matrix = sp.csr_matrix((np.array([1.0, 2.0, 0.0]), np.array([1, 1, 0]), np.array([0, 3])), shape=(1, 2))
    assert tidy_counts(matrix).toarray().tolist() == [[0, 3]]
    assert tidy_counts(matrix).nnz == 1
    assert matrix.nnz == 3


def test_contractions_are_whole_and_are_stop_words():
    assert Documents.count(["They've cats, don't they", "I don’t have cats"]).words == ["cats"]
    assert Documents.count(["They've cats"], stop_words=["they've"]).words == ["cats"]


def test_the_tokenizer_and_the_stop_words_can_be_chosen():
    assert Documents.count(["A-b A-b c"], tokenizer="whitespace", stop_words=None).words == ["A-b", "c"]
    assert Documents.count(["a,b"], tokenizer=lambda text: text.split(","), stop_words=["b"]).words == ["a"]
    assert Documents.count(["der Hund und die Katze"], stop_words="german").words == ["hund", "katze"]
    assert Documents.count(["好 a 😀 é ok"], stop_words=None).words == ["ok", "好", "😀"]


def test_lists_of_words_are_counted_as_they_are():
    documents = Documents.count([["Cat", "a", "cat"], [], ["cat"]], stop_words=None)
    assert (documents.words, documents.empty) == (["Cat", "a", "cat"], 1)
    assert documents.counts.toarray().tolist() == [[1, 1, 1], [0, 0, 0], [0, 0, 1]]
    with pytest.raises(UnlabeledError, match="document 1 is no list of words"):
        Documents.count([["cat"], "dog"])


@pytest.mark.parametrize(
    ("settings", "told"), [({"vocabulary": "cat"}, r"write \['cat'\]"), ({"stop_words": 5}, "a list of words or None")]
)
def test_settings_that_are_no_lists_of_words_are_refused(settings, told):
    with pytest.raises(UnlabeledError, match=told):
        Documents.count(["a cat"], **settings)


def test_an_item_that_is_no_text_is_not_taken_for_the_end():
    with pytest.raises(UnlabeledError, match="item 0 of the text is None"):
        Documents.count([None, "a cat"])
