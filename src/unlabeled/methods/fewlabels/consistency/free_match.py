"""FreeMatch: the threshold follows the network's own confidence, class by class."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from unlabeled.methods.fewlabels.consistency.fix_match import FixMatch
from unlabeled.processes import gather


class FreeMatch(FixMatch):
    r"""FixMatch whose threshold rises with the network's own confidence, and whose classes are kept from vanishing.

    Split and loss are those of `FixMatch`, with a threshold for each class. With m the momentum, running means over
    the unlabelled instances are kept: τ_t of the greatest probability, p̃ of the probabilities, h̃ of the pseudo-labels'
    frequencies. Then

    .. math:: \tau_c = \frac{\tilde p_c}{\max_k \tilde p_k}\, \tau_t

    and a fairness term is added: with p̄ and h̄ the mean probabilities and label frequencies of the confident strong
    copies,

    .. math:: L_f = -\lambda_f\, \mathrm{H}(\mathrm{norm}(\tilde p / \tilde h),\; \mathrm{norm}(\bar p / \bar h))

    with H the cross-entropy and norm the scaling to sum one. `threshold` is not used.

    Parameters
    ----------
    threshold : float
        Not used: the thresholds are learnt.
    momentum : float, default 0.99
        m. The paper has 0.999 for a million steps; shorter runs need less.
    fairness : float, default 0.01
        λ_f.

    References
    ----------
    .. [1] Wang et al., FreeMatch: Self-adaptive Thresholding for Semi-supervised Learning, ICLR 2023.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> y[50:] = -1
    >>> images = X[:128].reshape(-1, 8, 8) / 16
    >>> model = FreeMatch(encoder="conv", epochs=1, random_state=0, progress=False).fit(images, y[:128])
    >>> model.predict(images[:2]).shape
    (2,)
    """

    principle: ClassVar[str] = "few labels"

    momentum: float = 0.99
    fairness: float = 0.01

    def memory(self) -> dict[str, Tensor]:
        """Begin with the least confidence there can be, and equal classes."""
        classes = self.outputs()
        even = torch.full((classes,), 1 / classes)
        return {"confidence": torch.tensor(1 / classes), "shares": even, "labels": even.clone()}

    def sure(self, shares: Tensor, index: Tensor) -> Tensor:
        """Renew the running means, and compare with each row's threshold."""
        everywhere = gather(shares)
        frequencies = F.one_hot(everywhere.argmax(dim=1), shares.shape[1]).float().mean(dim=0)
        news = {"confidence": everywhere.amax(dim=1).mean(), "shares": everywhere.mean(dim=0), "labels": frequencies}
        for name, new in news.items():
            self.recall(name, shares.device).lerp_(new.float(), 1 - self.momentum)
        best, label = shares.max(dim=1)
        return (best >= self.thresholds(shares.device)[label]).to(shares.dtype)

    def thresholds(self, device: torch.device) -> Tensor:
        """Give τ_c, shape (c,)."""
        mean = self.recall("shares", device)
        return mean / mean.max() * self.recall("confidence", device)

    def beside(self, strong: Tensor, sure: Tensor) -> Tensor:
        """Add fairness."""
        return self.fairness * self.fair(strong, sure)

    def fair(self, strong: Tensor, sure: Tensor) -> Tensor:
        """Give −H of the running means and those of the confident strong copies; 0 where none is confident."""
        taken = sure.sum()
        if taken == 0:
            return strong.sum() * 0
        shares = strong.softmax(dim=1)
        mean = (shares * sure[:, None]).sum(dim=0) / taken
        found = F.one_hot(shares.argmax(dim=1), shares.shape[1]).to(shares.dtype)
        frequencies = (found * sure[:, None]).sum(dim=0) / taken
        target = balanced(self.recall("shares", strong.device), self.recall("labels", strong.device))
        return (target * (balanced(mean, frequencies) + 1e-12).log()).sum()


def balanced(shares: Tensor, frequencies: Tensor) -> Tensor:
    """Divide probabilities by frequencies, scaled to sum one; a class that never came is left undivided."""
    ratio = shares / torch.where(frequencies > 0, frequencies, 1)
    return ratio / ratio.sum()
