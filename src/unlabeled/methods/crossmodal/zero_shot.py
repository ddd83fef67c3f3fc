"""Zero-shot classification: classes are told by their names alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.search.metric import unit_rows

TEMPLATES = ("a picture of a {}", "a drawing of a {}", "{}")


class ZeroShotClassifier:
    """Gives an image the class whose name, put into sentences, is nearest to it in the shared space.

    Parameters
    ----------
    transform : callable
        From images, or from a list of texts, to vectors of length 1.
    names : sequence of str
    templates : sequence of str
        With ``{}`` for the name.
    scale : float, default 100
        What cosine similarities are multiplied with before the softmax.

    Attributes
    ----------
    classes_ : ndarray of str
    vectors_ : ndarray of float32, shape (classes, dim)
        The mean over the templates, brought to length 1.

    Raises
    ------
    UnlabeledError
        If there are fewer than two different names, or a template has no place for one.
    """

    def __init__(
        self,
        transform: Callable[[Any], NDArray[np.float32]],
        names: Sequence[str],
        templates: Sequence[str] = TEMPLATES,
        scale: float = 100.0,
    ) -> None:
        names, templates = [str(name).strip() for name in names], list(templates)
        if len(set(names)) != len(names) or len(names) < 2 or not all(names):
            raise UnlabeledError(f"zero-shot classification needs two or more different names, not {names}")
        if not templates or any("{}" not in template for template in templates):
            raise UnlabeledError(f"a template has {{}} for the name, such as 'a picture of a {{}}'; got {templates}")
        texts = [template.replace("{}", name) for name in names for template in templates]
        vectors = transform(texts).reshape(len(names), len(templates), -1).mean(1)
        self.classes_ = np.array(names)
        self.vectors_: NDArray[np.float32] = unit_rows(vectors)
        self._transform, self._scale = transform, scale

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Give the probability of each class for each image, shape (n, classes)."""
        logits = self._scale * (self._transform(X) @ self.vectors_.T).astype(np.float64)
        exponentials = np.exp(logits - logits.max(1, keepdims=True))
        probabilities: NDArray[np.float64] = exponentials / exponentials.sum(1, keepdims=True)
        return probabilities

    def predict(self, X: Any) -> NDArray[Any]:
        """Give the name of each image's class."""
        named: NDArray[Any] = self.classes_[self.predict_proba(X).argmax(1)]
        return named

    def score(self, X: Any, y: ArrayLike) -> float:
        """Give the share of images whose class, a name, is found."""
        return float(np.mean(self.predict(X) == np.asarray(y)))
