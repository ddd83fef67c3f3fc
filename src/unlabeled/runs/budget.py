"""A budget for learning: a time, or a number of steps."""

from __future__ import annotations

import re
from dataclasses import dataclass

from unlabeled.errors import UnlabeledError

MOST = 1e9
"""A billion steps, or hours, are more than anyone waits for."""


@dataclass(frozen=True)
class Budget:
    """What may be spent on learning: seconds, or steps of the optimiser."""

    amount: float
    unit: str

    @classmethod
    def read(cls, text: str | float) -> Budget:
        """Read ``"10m"``, ``"90s"``, ``"1h"`` or ``"500 steps"``; a bare number counts steps.

        Examples
        --------
        >>> Budget.read("10m"), Budget.read("500 steps")
        (Budget(amount=600.0, unit='seconds'), Budget(amount=500.0, unit='steps'))
        """
        found = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*(s|sec|seconds|m|min|minutes|h|hours|steps|)\s*", str(text))
        if found is None or not 0 < float(found[1]) <= MOST:
            raise UnlabeledError(f"the budget {text!r:.60} is not understood; write 10m, 90s, 1h or 500 steps")
        amount, unit = float(found[1]), found[2]
        if unit in ("", "steps"):
            return cls(amount, "steps")
        return cls(amount * {"s": 1, "m": 60, "h": 3600}[unit[0]], "seconds")
