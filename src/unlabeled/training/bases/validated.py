"""Methods whose loss is measured on instances held out of training too, so that one sees whether it generalises."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.instances import Instances, Subset
from unlabeled.errors import UnlabeledError
from unlabeled.training.bases.self_supervised import SelfSupervised

MOST = 512
"""Instances that are held out at most: enough to measure a loss, however many there are."""
FEWEST = 4


class Validated(SelfSupervised):
    """Base of methods that measure their loss on instances that they do not learn from.

    A network can answer a pretext task by heart. Its training loss falls then, and says nothing about what was learnt.

    Parameters
    ----------
    validation_fraction : float, default 0.1
        Share of the instances, but at most 512, that are not learnt from; the loss on them is the ``validation_loss``
        of `history_`. 0 learns from all.
    """

    validation_fraction: float = 0.1

    def hold_out(self, instances: Instances, groups: NDArray[np.int64] | None) -> tuple[Instances, Instances | None]:
        """Part what is learnt from and what is held out, always the same; a group, such as a video, stays together."""
        if not 0 <= self.validation_fraction < 1:
            raise UnlabeledError(
                f"validation_fraction is a share, at least 0 and below 1, got {self.validation_fraction!r}"
            )
        rows = len(instances)
        wanted = min(MOST, round(self.validation_fraction * rows))
        order = np.random.default_rng(0).permutation(rows)
        if groups is not None:  # whole groups in a random order, as long as they fit
            place = np.empty(int(groups.max()) + 1, dtype=np.int64)
            place[np.random.default_rng(0).permutation(len(place))] = np.arange(len(place))
            order = np.argsort(place[groups], kind="stable")
            ends = np.flatnonzero(np.diff(groups[order], append=-1)) + 1
            wanted = int(max(ends[ends <= wanted], default=0))
        if wanted < FEWEST or rows - wanted < self.minimum_rows:
            return instances, None
        return Subset(instances, np.sort(order[wanted:])), Subset(instances, np.sort(order[:wanted]))
