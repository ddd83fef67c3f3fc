import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from unlabeled.encoders.text.transformer import Transformer
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation import scored_pairs, sentence_similarity
from unlabeled.modalities import open_instances

PAIRS = [("the dog barks", "the dog runs"), ("the dog barks", "it rains"), ("it rains", "it rains"),
         ("a cat", "the cat runs"), ("a cat", "it snows"), ("it snows", "it rains")]  # fmt: skip
SCORES, GROUPS = [3.0, 0.5, 5.0, 4.0, 0.0, 2.0], ["news", "news", "news", "posts", "posts", "posts"]


@pytest.fixture(scope="module")
def encoder():
    _, preprocessing = open_instances([text for pair in PAIRS for text in pair])
    torch.manual_seed(0)
    return Transformer(preprocessing, dim=16, layers=1, heads=2).eval()


def test_all_pairs_and_groups_are_those_of_sentence_similarity(encoder):
    found = scored_pairs(encoder, PAIRS, SCORES, GROUPS)
    plain = sentence_similarity(encoder, PAIRS, SCORES, GROUPS)
    assert found.figures["learnt"]["spearman"] == pytest.approx(plain.all_pairs)
    assert found.figures["learnt"]["mean of groups"] == pytest.approx(plain.mean_of_groups)
    assert list(found.figures) == ["learnt", "untrained", "tf-idf"]
    assert found.n_test == 6
    assert "mean of groups" not in scored_pairs(encoder, PAIRS, SCORES).figures["learnt"]


def test_counts_of_words_by_hand(encoder):
    from sklearn.feature_extraction.text import TfidfVectorizer

    first, second = zip(*PAIRS, strict=True)
    # "a" is a word to the package's tokenizer, and none to scikit-learn's pattern.
    counts = TfidfVectorizer(sublinear_tf=True, tokenizer=str.split, token_pattern=None).fit([*first, *second])
    cosines = np.asarray(counts.transform(first).multiply(counts.transform(second)).sum(1)).ravel()
    found = scored_pairs(encoder, PAIRS, SCORES).figures["tf-idf"]["spearman"]
    assert found == pytest.approx(spearmanr(cosines, SCORES).statistic)


def test_pairs_without_a_score_are_refused(encoder):
    with pytest.raises(UnlabeledError, match="each with a score"):
        scored_pairs(encoder, PAIRS, [float("nan"), *SCORES[1:]])
