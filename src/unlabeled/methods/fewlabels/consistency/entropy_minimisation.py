"""Entropy minimisation: predictions of unlabelled instances should be sure."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor
from torch.nn import functional as F

from unlabeled.encoders import Network
from unlabeled.losses import entropy
from unlabeled.methods.fewlabels.consistency.semi_supervised import SemiSupervised, Shown


class EntropyMinimisation(SemiSupervised):
    r"""The border between classes should run where there are few instances, so every prediction should be sure.

    Split: x is a weakly distorted instance, y its class, which is hidden for most. Loss, with H the entropy:

    .. math:: L = -\frac{1}{B} \sum_i \log p(y_i \mid x_i) + \lambda\, \frac{1}{\mu B} \sum_j H(p(\cdot \mid u_j))

    Parameters
    ----------
    weight : float, default 0.3
        λ. It rises over the first 40 % of the training, since sureness before knowledge fixes errors.

    References
    ----------
    .. [1] Grandvalet & Bengio, Semi-Supervised Learning by Entropy Minimization, NeurIPS 2004.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> y[50:] = -1
    >>> model = EntropyMinimisation(epochs=1, random_state=0, progress=False).fit(X[:128] / 16, y[:128])
    >>> model.predict(X[:2] / 16).shape
    (2,)
    """

    principle: ClassVar[str] = "few labels"

    weight: float = 0.3

    def unlabelled_views(self, values: Any) -> tuple[Any, ...]:
        """One weak copy."""
        return (self.weak_(values),)

    def loss(self, net: Network, x: Shown, y: Tensor) -> Tensor:
        """Cross-entropy where the label is known, entropy where it is not."""
        known, unknown = self.logits(net, x.labelled, *x.unlabelled)
        return F.cross_entropy(known, y) + self.weight * self.ramp(0.4) * entropy(unknown)
