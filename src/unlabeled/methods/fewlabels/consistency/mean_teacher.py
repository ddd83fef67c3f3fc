"""Mean teacher: the student agrees with the average of its own past."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor
from torch.nn import functional as F

from unlabeled.encoders import Network
from unlabeled.losses import consistency
from unlabeled.methods.fewlabels.consistency.semi_supervised import SemiSupervised, Shown


class MeanTeacher(SemiSupervised):
    r"""A student predicts of one distorted copy what the average of its past weights predicts of another.

    Split: x is a weakly distorted copy of an instance, y its class where known, and otherwise what the teacher says of
    another copy. Loss, with p′ the teacher's probabilities and c classes:

    .. math:: L = -\frac{1}{B} \sum_i \log p(y_i \mid x_i)
              + \lambda\, \frac{1}{\mu B} \sum_j \frac{1}{c} \lVert p(u_j) - p'(u'_j) \rVert^2

    No gradient reaches the teacher. Its weights follow the student's, and its buffers are copies of them.

    Parameters
    ----------
    weight : float, default 50.0
        λ. It rises over the first 40 % of the training.

    References
    ----------
    .. [1] Tarvainen & Valpola, Mean Teachers Are Better Role Models, NeurIPS 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> y[50:] = -1
    >>> images = X[:128].reshape(-1, 8, 8) / 16
    >>> model = MeanTeacher(encoder="conv", epochs=1, random_state=0, progress=False).fit(images, y[:128])
    >>> model.predict(images[:2]).shape
    (2,)
    """

    principle: ClassVar[str] = "few labels"

    modalities: ClassVar[tuple[str, ...]] = ("image", "text")
    needs_views: ClassVar[tuple[str, ...]] = ("weak",)

    weight: float = 50.0

    def unlabelled_views(self, values: Any) -> tuple[Any, ...]:
        """Two weak copies: one for the student, one for the teacher."""
        return self.weak_(values), self.weak_(values)

    def loss(self, net: Network, x: Shown, y: Tensor) -> Tensor:
        """Cross-entropy where the label is known, agreement with the teacher where it is not."""
        assert net.teacher is not None
        own, other = x.unlabelled
        known, student = self.logits(net, x.labelled, own)
        target = net.teacher(other).float().softmax(dim=1)
        return F.cross_entropy(known, y) + self.weight * self.ramp(0.4) * consistency(student, target, "mse")
