"""MixMatch: guess labels, sharpen them, and mix everything with everything."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from unlabeled.encoders import Network
from unlabeled.encoders.batch_statistics import statistics_kept
from unlabeled.errors import UnlabeledError
from unlabeled.losses import consistency, sharpen
from unlabeled.losses.predictions import log_softmax
from unlabeled.methods.fewlabels.consistency.semi_supervised import SemiSupervised, Shown
from unlabeled.modalities import Modality, Preprocessing
from unlabeled.processes import gather, world_size
from unlabeled.training.samplers import share_of


class MixMatch(SemiSupervised):
    r"""Guesses for K weak copies are averaged and sharpened; then labelled and unlabelled instances are mixed.

    Split: x is a mixture of two instances, y the same mixture of their labels, given or guessed. The guess for u is
    the sharpened mean over K copies, q = sharpen(1/K Σ p(u_k), T), without a gradient. Each instance is mixed with one
    drawn from all of them, by λ′ = max(λ, 1 − λ) with λ ~ Beta(α, α). Loss, with c classes:

    .. math:: L = -\frac{1}{|X'|} \sum_{x, y \in X'} \sum_k y_k \log p_k(x)
              + \lambda_u \frac{1}{c\,|U'|} \sum_{u, q \in U'} \lVert q - p(u) \rVert^2

    All mixtures pass through the network together, so labelled and unlabelled ones share batch statistics; the pass
    that guesses leaves the running statistics of batch normalisation alone.

    Parameters
    ----------
    unlabelled_ratio : float, default 1.0
        μ: unlabelled instances for each labelled one in a batch.
    guesses : int, default 2
        K: copies that a guess is averaged over.
    temperature : float, default 0.5
        T of the sharpening.
    alpha : float, default 0.75
        α of the mixing, above 0.
    weight : float, default 75.0
        λ_u once it has risen.
    ramp_steps : int, default 16,000
        Steps over which λ_u rises in a straight line from 0. They are counted from the first step and not as a share of
        the training, so that a short training, whose guesses are still poor, never gives them the whole weight.

    References
    ----------
    .. [1] Berthelot et al., MixMatch: A Holistic Approach to Semi-Supervised Learning, NeurIPS 2019.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> y[50:] = -1
    >>> images = X[:128].reshape(-1, 8, 8) / 16
    >>> model = MixMatch(encoder="conv", epochs=1, random_state=0, progress=False).fit(images, y[:128])
    >>> model.predict(images[:2]).shape
    (2,)
    """

    principle: ClassVar[str] = "few labels"

    modalities: ClassVar[tuple[str, ...]] = ("image",)
    needs_views: ClassVar[tuple[str, ...]] = ("weak",)

    unlabelled_ratio: float = 1.0
    guesses: int = 2
    temperature: float = 0.5
    alpha: float = 0.75
    weight: float = 75.0
    ramp_steps: int = 16_000

    @classmethod
    def accepts(cls, kind: Modality) -> bool:
        """Take kinds of data whose averages are data again, as those of images are and those of tokens are not."""
        return kind.can_be_averaged and super().accepts(kind)

    def prepare(self, preprocessing: Preprocessing) -> None:
        """Refuse a mixing that there is not."""
        super().prepare(preprocessing)
        if not 0 < self.alpha < math.inf:
            raise UnlabeledError(f"alpha must be above 0 and finite, got {self.alpha!r}")

    def unlabelled_views(self, values: Any) -> tuple[Any, ...]:
        """K weak copies."""
        return tuple(self.weak_(values) for _ in range(self.guesses))

    def loss(self, net: Network, x: Shown, y: Tensor) -> Tensor:
        """Cross-entropy of the mixed labels, squared error of the mixed guesses."""
        guess = self.guess(net, x)
        given = F.one_hot(y, self.outputs()).to(guess.dtype)
        inputs, targets = mix_up((x.labelled, *x.unlabelled), (given, *[guess] * self.guesses), self.alpha)
        (found,) = self.logits(net, inputs)
        known, unknown = found[: len(y)], found[len(y) :]
        supervised = -(targets[: len(y)] * log_softmax(known)).sum(dim=1).mean()
        weight = self.weight * min(1.0, int(self._memory["step"]) / self.ramp_steps)
        return supervised + weight * consistency(unknown, targets[len(y) :], "mse")

    @torch.no_grad()
    def guess(self, net: Network, x: Shown) -> Tensor:
        """Average and sharpen what the network says of the copies; it stays as it is."""
        with statistics_kept(net.encoder):
            found = self.logits(net, *x.unlabelled)
        return sharpen(torch.stack([logits.softmax(dim=1) for logits in found]).mean(dim=0), self.temperature)


def mix_up(inputs: Sequence[Tensor], targets: Sequence[Tensor], alpha: float) -> tuple[Tensor, Tensor]:
    r"""Mix each row with another: λ′ of its own and 1 − λ′ of one drawn without replacement, with λ′ ≥ ½.

    The other one is drawn from all rows of all processes. Every process must bring parts of the same lengths.

    Parameters
    ----------
    inputs : sequence of Tensor, shape (n, ...) each
        Parts of a batch.
    targets : sequence of Tensor, shape (n, c) each
        Their labels as probabilities.
    alpha : float
        Of the Beta distribution of λ; λ′ = max(λ, 1 − λ), so that a mixture is nearer to its own row.

    Returns
    -------
    inputs : Tensor, shape (sum of n, ...)
    targets : Tensor, shape (sum of n, c)

    References
    ----------
    .. [1] Zhang, Cisse, Dauphin & Lopez-Paz, mixup: Beyond Empirical Risk Minimization, ICLR 2018.
    """
    values, labels = (torch.cat([gather(part) for part in parts]) for parts in (inputs, targets))
    n, device = len(values), values.device
    rows = torch.arange(n).split([world_size() * len(part) for part in inputs])
    own = torch.cat([share_of(part) for part in rows])
    # Drawn on the CPU and for the rows of all processes, which so agree.
    share = torch.distributions.Beta(alpha, alpha).sample((n,))[own].to(device)
    share = torch.maximum(share, 1 - share)
    own, partner = own.to(device), torch.randperm(n)[own].to(device)
    wide = share.reshape(-1, *[1] * (values.dim() - 1))
    mixed = wide * values[own] + (1 - wide) * values[partner]
    return mixed, share[:, None] * labels[own] + (1 - share[:, None]) * labels[partner]
