from __future__ import annotations

import numpy as np
import pytest

from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.pair_retrieval import pair_recall


def plain(queries, gallery, ks):
    """By plain loops: queries and gallery are dicts from a code to (vector, the codes that are right)."""
    recall = {k: [] for k in ks}
    for vector, right in queries.values():
        ranked = sorted(gallery, key=lambda code: -float(vector @ gallery[code][0]))
        for k in ks:
            recall[k].append(any(code in right for code in ranked[:k]))
    return {k: np.mean(found) for k, found in recall.items()}


def test_recall_is_that_of_plain_loops():
    random = np.random.default_rng(0)
    picture, caption = random.integers(0, 25, 40), random.integers(0, 20, 40)
    of_picture, of_caption = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in random.normal(size=(2, 25, 6)))
    found = pair_recall(of_picture[picture], of_caption[caption], picture, caption, ks=(1, 3))
    pictures = {p: (of_picture[p], set(caption[picture == p])) for p in set(picture)}
    captions = {c: (of_caption[c], set(picture[caption == c])) for c in set(caption)}
    assert found.images_of_text == pytest.approx(plain(captions, pictures, (1, 3)))
    assert found.texts_of_image == pytest.approx(plain(pictures, captions, (1, 3)))
    assert (found.images, found.texts) == (len(pictures), len(captions))


def test_random_vectors_are_at_chance():
    random = np.random.default_rng(0)
    images, texts = random.normal(size=(2, 2000, 32))
    caption = np.arange(2000) // 4  # each caption has four images
    found = pair_recall(images, texts, caption=caption, ks=(1, 10))
    for k in (1, 10):
        assert found.images_of_text_chance[k] == pytest.approx(1 - (1 - k / 2000) ** 4, rel=0.02)
        assert found.images_of_text[k] == pytest.approx(found.images_of_text_chance[k], abs=0.02)


def test_vectors_that_are_all_alike_find_nothing():
    found = pair_recall(np.ones((20, 3)), np.ones((20, 3)), ks=(1, 10, 20))
    assert found.images_of_text == {1: 0.0, 10: 0.0, 20: 1.0}


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(UnlabeledError, match="of the same pairs"):
        pair_recall(np.eye(3), np.eye(4))
    with pytest.raises(UnlabeledError, match="one number for each"):
        pair_recall(np.eye(3), np.eye(3), caption=[1, 2])
    with pytest.raises(UnlabeledError, match="ks"):
        pair_recall(np.eye(3), np.eye(3), ks=[0])
