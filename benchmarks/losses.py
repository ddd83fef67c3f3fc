"""Losses that compare the whole batch, forward and backward, against the usual libraries: time, and memory at its peak.

Every case runs in a fresh process that may take 8 GiB; a peer that needs more fails, and its row says so.
"""

from __future__ import annotations

import multiprocessing
import re
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import torch
from harness import arguments, interleave, report, row, seconds
from torch import Tensor
from torch.nn import functional

D, CLASSES = 128, 100
LIMIT = 2**33
Step = Callable[[], object]


# --- what is compared: each makes one step, forward and backward, of a batch of n ------------------------------------


def nt_xent(n: int) -> Step:
    from unlabeled.losses import nt_xent

    return stepper(nt_xent, views(n))


def nt_xent_lightly(n: int) -> Step:
    from lightly.loss import NTXentLoss

    return stepper(NTXentLoss(temperature=0.5), views(n))


def nt_xent_metric_learning(n: int) -> Step:
    from pytorch_metric_learning.losses import NTXentLoss

    loss, own = NTXentLoss(temperature=0.5), torch.arange(n).repeat(2)
    return stepper(lambda x, y: loss(torch.cat([x, y]), own), views(n))


def clip(n: int) -> Step:
    from unlabeled.losses import clip

    return stepper(clip, views(n))


def clip_textbook(n: int) -> Step:
    """The whole matrix and two cross-entropies, as in CLIP's paper."""
    own = torch.arange(n)

    def loss(x: Tensor, y: Tensor) -> Tensor:
        logits = functional.normalize(x) @ functional.normalize(y).T / 0.07
        return (functional.cross_entropy(logits, own) + functional.cross_entropy(logits.T, own)) / 2

    return stepper(loss, views(n))


def clip_metric_learning(n: int) -> Step:
    from pytorch_metric_learning.losses import NTXentLoss

    loss, own = NTXentLoss(temperature=0.07), torch.arange(n)

    def both(x: Tensor, y: Tensor) -> Tensor:
        return (loss(x, own, ref_emb=y, ref_labels=own) + loss(y, own, ref_emb=x, ref_labels=own)) / 2

    return stepper(both, views(n))


def sup_con(n: int) -> Step:
    from unlabeled.losses import sup_con

    return stepper(lambda x: sup_con(x, classes(n)), views(n)[:1])


def sup_con_metric_learning(n: int) -> Step:
    from pytorch_metric_learning.losses import SupConLoss

    loss = SupConLoss(temperature=0.1)
    return stepper(lambda x: loss(x, classes(n)), views(n)[:1])


def triplet(n: int) -> Step:
    from unlabeled.losses import miners, triplet

    def loss(x: Tensor) -> Tensor:
        a, p, n = miners.hardest(x, labels)
        return triplet(x[a], x[p], x[n])

    labels = classes(n)
    return stepper(loss, views(n)[:1])


def triplet_metric_learning(n: int) -> Step:
    from pytorch_metric_learning.losses import TripletMarginLoss
    from pytorch_metric_learning.miners import BatchHardMiner

    loss, miner, labels = TripletMarginLoss(margin=0.2), BatchHardMiner(), classes(n)
    return stepper(lambda x: loss(x, labels, miner(x, labels)), views(n)[:1])


def views(n: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(n, D, requires_grad=True), torch.randn(n, D, requires_grad=True)


def classes(n: int) -> Tensor:
    return torch.arange(n) % min(CLASSES, n // 2)


def stepper(loss: Callable[..., Tensor], inputs: tuple[Tensor, ...]) -> Step:
    return lambda: torch.autograd.grad(loss(*inputs), inputs)


# --- how --------------------------------------------------------------------------------------------------------------


def limit_memory() -> None:
    """Let this process take so much more than the libraries it has loaded."""
    if sys.platform == "linux":
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + LIMIT, taken + LIMIT))


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def once(make: Callable[[int], Step], n: int) -> tuple[float, float] | str:
    """Take one step; give its seconds and by how many MiB it raised the process's peak, or why it failed."""
    try:
        make(8)()  # loads the libraries
        limit_memory()
        before, step = peak_mib(), make(n)
        return seconds(step), peak_mib() - before
    except ImportError as error:
        return f"{error.name} is not installed"
    except (RuntimeError, MemoryError) as error:
        if re.search("memory", str(error) or "memory"):
            return "out of memory"
        raise


def in_turn(
    ours: Callable[[int], Step], peer: Callable[[int], Step], n: int, rounds: int
) -> tuple[list[float], list[float]]:
    return interleave(ours(n), peer(n), rounds, warmup=int(n < 8192))


# Ours, the peers, and the sizes. At sizes with no rounds ours alone takes one step, to show how memory grows.
CASES: dict[str, tuple[Callable[[int], Step], dict[str, Callable[[int], Step]], dict[int, int]]] = {
    "NT-Xent": (
        nt_xent,
        {"lightly": nt_xent_lightly, "pytorch-metric-learning": nt_xent_metric_learning},
        {512: 9, 2048: 5, 8192: 3, 32768: 1},
    ),
    "CLIP": (
        clip,
        {"the whole matrix": clip_textbook, "pytorch-metric-learning": clip_metric_learning},
        {512: 9, 1024: 0, 2048: 5, 4096: 0, 8192: 3, 16384: 0, 32768: 1, 65536: 0},
    ),
    "SupCon": (sup_con, {"pytorch-metric-learning": sup_con_metric_learning}, {4096: 5}),
    "triplet, hardest": (triplet, {"pytorch-metric-learning": triplet_metric_learning}, {4096: 5}),
}


def fresh(function: Callable[..., Any], *values: Any) -> Any:
    """Call a function in a process of its own, which may die of it."""
    try:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            return process.submit(function, *values).result()
    except BrokenProcessPool:
        return "killed"


def main() -> None:
    rounds = arguments(__doc__ or "", rounds=9).rounds
    rows: list[dict[str, Any]] = []
    # On Linux a child's peak starts from its parent's, so this process must stay small.
    for name, (ours, peers, sizes) in CASES.items():
        for n, most in sizes.items():
            label = f"{name}, n = {n:,}"
            took, added = fresh(once, ours, n)
            alone = {"ours_seconds": round(took, 3), "ours_added_mib": round(added, 1)}
            if most == 0:
                rows.append({"label": label, **alone})
                continue
            for peer_name, peer in peers.items():
                against = f"{label}, against {peer_name}"
                found = fresh(once, peer, n)
                if isinstance(found, str):
                    rows.append({"label": against, **alone, "peer": found})
                    continue
                times = fresh(in_turn, ours, peer, n, min(rounds, most))
                added_mib = {"ours_added_mib": round(added, 1), "peer_added_mib": round(found[1], 1)}
                rows.append(row(against, *times, **added_mib))
    report("losses", rows, notes=f"d = {D}, float32, {CLASSES} classes; memory is the rise of a fresh process's peak.")


if __name__ == "__main__":
    main()
