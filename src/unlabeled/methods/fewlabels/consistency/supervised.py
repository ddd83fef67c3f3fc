"""The supervised twin: the labelled instances alone, with everything else as in the methods of few labels."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

from unlabeled.encoders import Network
from unlabeled.methods.fewlabels.consistency.semi_supervised import SemiSupervised, Shown


class Supervised(SemiSupervised):
    r"""A classifier learns from the labelled instances alone: what the unlabelled ones must beat.

    Split: x is a weakly distorted labelled instance, y its class. Loss: the cross-entropy

    .. math:: L = -\frac{1}{B} \sum_{i=1}^{B} \log p(y_i \mid \mathrm{weak}(x_i))

    With the settings of another method, `unlabelled_ratio` among them, it takes as many steps with as many labelled
    instances in each; the unlabelled ones are left out. By default all of the batch is labelled.

    Parameters
    ----------
    unlabelled_ratio : float, default 0.0
        μ of the method it stands beside: a batch holds `batch_size` / (1 + μ) labelled instances.

    See Also
    --------
    FixMatch : Learns from the unlabelled instances too.

    References
    ----------
    .. [1] Oliver, Odena, Raffel, Cubuk & Goodfellow, Realistic Evaluation of Deep Semi-Supervised Learning Algorithms,
       NeurIPS 2018.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> images = X[:64].reshape(-1, 8, 8) / 16
    >>> model = Supervised(encoder="conv", epochs=1, random_state=0, progress=False).fit(images, y[:64])
    >>> model.predict_proba(images[:3]).shape
    (3, 10)
    """

    principle: ClassVar[str] = "few labels"

    unlabelled_ratio: float = 0.0

    def unlabelled_views_wanted(self) -> bool:
        """Leave unlabelled instances out."""
        return False

    def loss(self, net: Network, x: Shown, y: Tensor) -> Tensor:
        """Cross-entropy of the labelled instances."""
        (known,) = self.logits(net, x.labelled)
        return F.cross_entropy(known, y)
