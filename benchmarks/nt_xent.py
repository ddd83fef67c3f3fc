"""NT-Xent, forward and backward, against lightly's: time in turn, and the memory each adds at its peak."""

from __future__ import annotations

import multiprocessing
import resource
import sys
from collections.abc import Callable

import torch
from harness import arguments, interleave, report, row
from torch import Tensor

D = 128
SIZES = {512: 20, 2048: 5, 8192: 2}  # instances: steps timed as one, to make each timing long enough


def losses() -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    from lightly.loss import NTXentLoss

    from unlabeled.losses import nt_xent

    return {"ours": nt_xent, "peer": NTXentLoss(temperature=0.5)}


def stepper(loss: Callable[[Tensor, Tensor], Tensor], n: int, steps: int) -> Callable[[], None]:
    torch.manual_seed(0)
    x, y = torch.randn(n, D, requires_grad=True), torch.randn(n, D, requires_grad=True)

    def run() -> None:
        for _ in range(steps):
            torch.autograd.grad(loss(x, y), (x, y))

    return run


def peak_mib() -> float:
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def added_mib(which: str, n: int) -> float:
    """Take one step and say by how much it raised this process's peak; to be run in a fresh process."""
    stepper(losses()[which], 8, 1)()  # load the libraries first
    before = peak_mib()
    stepper(losses()[which], n, 1)()
    return peak_mib() - before


def main() -> None:
    rounds = arguments(__doc__, rounds=5).rounds
    # Memory first: on Linux a child's peak starts from its parent's, which is still low.
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as fresh:
        memory = {(which, n): fresh.apply(added_mib, (which, n)) for n in SIZES for which in ("ours", "peer")}
    rows = []
    for n, steps in SIZES.items():
        ours, peer = interleave(*(stepper(loss, n, steps) for loss in losses().values()), rounds=rounds)
        added = {f"{which}_added_mib": round(memory[which, n], 1) for which in ("ours", "peer")}
        rows.append(row(f"n={n}, d={D}, {steps} steps", ours, peer, **added))
    report("nt_xent", rows, notes="Forward and backward in float32; memory is the rise of a fresh process's peak.")


if __name__ == "__main__":
    main()
