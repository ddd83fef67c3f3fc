"""FixMatch: a confident label of a weak copy teaches a strong one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor
from torch.nn import functional as F

from unlabeled.encoders import Network
from unlabeled.errors import UnlabeledError
from unlabeled.losses import consistency
from unlabeled.methods.fewlabels.consistency.semi_supervised import SemiSupervised, Shown
from unlabeled.modalities import Preprocessing, modality_of
from unlabeled.training.bases.multi_view import choose_view
from unlabeled.views import View


class FixMatch(SemiSupervised):
    r"""What the network says with confidence of a weakly distorted copy, it should say of a strongly distorted one.

    Split: x is a strongly distorted copy of an instance, y the class that the network gives a weakly distorted one, if
    its probability reaches the threshold τ. Loss, with q = p(weak(u)), detached, and H the cross-entropy:

    .. math:: L = -\frac{1}{B} \sum_i \log p(y_i \mid \mathrm{weak}(x_i))
              + \lambda\, \frac{1}{\mu B} \sum_{j=1}^{\mu B} 1[\max q_j \ge \tau]\,
              H(\arg\max q_j,\, p(\mathrm{strong}(u_j)))

    The mean is over all unlabelled instances of the batch, those below the threshold among them.

    Parameters
    ----------
    strong : str or View, default "auto"
        The strong distortion; ``"auto"`` takes the weak one, RandAugment and cutout for images, and deletes half of the
        tokens of texts.
    threshold : float, default 0.95
        τ.
    weight : float, default 1.0
        λ.

    See Also
    --------
    FlexMatch, FreeMatch : Thresholds that follow each class.
    Supervised : The labelled instances alone.

    References
    ----------
    .. [1] Sohn et al., FixMatch: Simplifying Semi-Supervised Learning with Consistency and Confidence, NeurIPS 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> y[50:] = -1
    >>> images = X[:128].reshape(-1, 8, 8) / 16
    >>> model = FixMatch(encoder="conv", epochs=1, random_state=0, progress=False).fit(images, y[:128])
    >>> model.predict(images[:2]).shape
    (2,)
    """

    principle: ClassVar[str] = "few labels"

    modalities: ClassVar[tuple[str, ...]] = ("image", "text")
    needs_views: ClassVar[tuple[str, ...]] = ("weak", "strong")

    strong: str | View = "auto"
    threshold: float = 0.95
    weight: float = 1.0

    def prepare(self, preprocessing: Preprocessing) -> None:
        """Settle on the strong view too."""
        super().prepare(preprocessing)
        if not 0 <= self.threshold <= 1:
            raise UnlabeledError(f"threshold is a probability, got {self.threshold!r}")
        kind = modality_of(preprocessing)
        self.strong_ = kind.strengthened(self.weak_) if self.strong == "auto" else choose_view(self.strong, kind)

    def settle(self, chosen: Mapping[str, Any]) -> None:
        """Strengthen the weak view that the instances want."""
        super().settle(chosen)
        if "weak" in chosen and self.strong == "auto":
            self.strong_ = self._modality.strengthened(self.weak_)

    def unlabelled_views(self, values: Any) -> tuple[Any, ...]:
        """A weak copy and a strong one."""
        return self.weak_(values), self.strong_(values)

    def loss(self, net: Network, x: Shown, y: Tensor) -> Tensor:
        """Cross-entropy of the labels, and of the confident pseudo-labels."""
        known, weak, strong = self.logits(net, x.labelled, *x.unlabelled)
        shares = weak.detach().softmax(dim=1)
        pseudo = F.one_hot(shares.argmax(dim=1), shares.shape[1]).to(shares.dtype)
        sure = self.sure(shares, x.positions)
        errors = consistency(strong, pseudo, "ce", reduction="none")
        return F.cross_entropy(known, y) + self.weight * (errors * sure).mean() + self.beside(strong, sure)

    def beside(self, strong: Tensor, sure: Tensor) -> Tensor | float:
        """Give what a method adds to the loss, from the logits of the strong copies and which of them count."""
        return 0.0

    def sure(self, shares: Tensor, index: Tensor) -> Tensor:
        """Tell which pseudo-labels count.

        Parameters
        ----------
        shares : Tensor, shape (m, c)
            Probabilities of the weak copies, detached.
        index : Tensor, shape (m,)
            Positions of the instances in the collection.

        Returns
        -------
        Tensor, shape (m,)
            1 where the label teaches, otherwise 0.
        """
        return (shares.amax(dim=1) >= self.threshold).to(shares.dtype)
