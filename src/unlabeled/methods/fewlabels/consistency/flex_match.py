"""FlexMatch: FixMatch with a threshold for each class, lower for classes that are learnt slowly."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from unlabeled.methods.fewlabels.consistency.fix_match import FixMatch
from unlabeled.processes import gather


class FlexMatch(FixMatch):
    r"""FixMatch in which a class that few instances are confidently put into has a lower threshold.

    Split and loss are those of `FixMatch`, with τ_c in place of τ. Let σ_c be the number of instances whose latest
    label was c with a probability of at least τ, and n all instances of the unlabelled stream. Then

    .. math:: \beta_c = \frac{\sigma_c}{\max(\max_k \sigma_k,\; n - \sum_k \sigma_k)}, \qquad
              \tau_c = \tau\, \frac{\beta_c}{2 - \beta_c}

    The counts use the fixed τ. While most instances have no confident label yet, the second term of the maximum keeps
    all thresholds low: the warm-up, which ends by itself.

    See Also
    --------
    FreeMatch : The threshold itself is learnt too.

    References
    ----------
    .. [1] Zhang et al., FlexMatch: Boosting Semi-Supervised Learning with Curriculum Pseudo Labeling, NeurIPS 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> y[50:] = -1
    >>> images = X[:128].reshape(-1, 8, 8) / 16
    >>> model = FlexMatch(encoder="conv", epochs=1, random_state=0, progress=False).fit(images, y[:128])
    >>> model.predict(images[:2]).shape
    (2,)
    """

    principle: ClassVar[str] = "few labels"

    def memory(self) -> dict[str, Tensor]:
        """Remember the latest confident label of each instance, −1 for none."""
        return {"confident": torch.full((getattr(self, "_rows", 0),), -1)}

    def thresholds(self, device: torch.device) -> Tensor:
        """Give τ_c, shape (c,)."""
        confident = self.recall("confident", device)
        counts = torch.bincount(confident[confident >= 0], minlength=self.outputs()).float()
        share = counts / torch.maximum(counts.max(), self._streamed - counts.sum()).clamp_min(1)
        return self.threshold * share / (2 - share)

    def sure(self, shares: Tensor, index: Tensor) -> Tensor:
        """Compare with the threshold of each row's class; then count by the fixed one."""
        best, label = shares.max(dim=1)
        sure = best >= self.thresholds(shares.device)[label]
        confident = self.recall("confident", shares.device)
        rows, labels, fixed = gather(index), gather(label), gather((best >= self.threshold).long()).bool()
        confident[rows[fixed]] = labels[fixed]
        return sure.to(shares.dtype)
