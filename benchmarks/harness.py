"""Timing two things in turn, and reporting their ratio with its spread.

``--simd avx2`` compiles our kernels without AVX-512, which many users lack; the peer stays as it is. Results go into a
file of their own. This file must be imported before `unlabeled`, whose kernels are compiled for one processor only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

SIMD_OPTION = argparse.ArgumentParser(add_help=False)
SIMD_OPTION.add_argument("--simd", choices=["avx2"], help="compile our kernels without AVX-512")
SIMD: str | None = SIMD_OPTION.parse_known_args()[0].simd
if SIMD is not None:
    os.environ["UNLABELED_SIMD"] = SIMD  # processes that are started inherit it

RESULTS = Path(__file__).parent / "results"
PACKAGES = [
    "unlabeled",
    "torch",
    "torchvision",
    "numpy",
    "scikit-learn",
    "lightly",
    "kornia",
    "faiss-cpu",
    "gensim",
    "lancedb",
    "timm",
    "tomotopy",
    "pytorch-metric-learning",
]


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def interleave(
    ours: Callable[[], object], peer: Callable[[], object], rounds: int, warmup: int = 1
) -> tuple[list[float], list[float]]:
    """Time the two in turn, so that a machine whose speed drifts treats both alike."""
    for _ in range(warmup):
        ours()
        peer()
    pairs = [(seconds(ours), seconds(peer)) for _ in range(rounds)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def row(label: str, ours: list[float], peer: list[float], **extra: Any) -> dict[str, Any]:
    """Summarise one comparison: peer's time over ours, pair by pair, so above 1 we are faster."""
    ratios = [b / a for a, b in zip(ours, peer, strict=True)]
    return {
        "label": label,
        "ours_s": ours,
        "peer_s": peer,
        "ratio_median": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        **extra,
    }


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def machine() -> dict[str, Any]:
    import torch

    return {
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "python": platform.python_version(),
        **({} if SIMD is None else {"simd": SIMD}),
    }


def versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def report(name: str, rows: list[dict[str, Any]], notes: str = "", *, renew: bool = False) -> Path:
    """Print the rows and write them to `benchmarks/results/<name>.json`.

    With `renew`, rows of another label that are there already stay, and the new ones say on which day and processor
    they were made.
    """
    for r in rows:
        line = f"{r['label']:<48}"
        if "ratio_median" in r:
            ours, peer = statistics.median(r["ours_s"]), statistics.median(r["peer_s"])
            line += f" ours {ours:9.4f} s  peer {peer:9.4f} s  "
            line += f"ratio {r['ratio_median']:6.2f} ({r['ratio_min']:.2f}–{r['ratio_max']:.2f})"
        known = ("label", "ours_s", "peer_s", "ratio_median", "ratio_min", "ratio_max")
        extra = {k: v for k, v in r.items() if k not in known}
        print(line, extra or "")
    RESULTS.mkdir(exist_ok=True)
    name = name if SIMD is None else f"{name}_{SIMD}"
    path = RESULTS / f"{name}.json"
    today = datetime.now(UTC).date().isoformat()
    content: dict[str, Any] = {
        "benchmark": name,
        "date": today,
        "machine": machine(),
        "versions": versions(),
        "notes": notes,
        "rows": rows,
    }
    if renew and path.exists():
        old = json.loads(path.read_text())
        made = {r["label"] for r in rows}
        kept = [r for r in old["rows"] if r["label"] not in made]
        content = old | {"rows": kept + [r | {"date": today, "processor": processor()} for r in rows]}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return path


def arguments(description: str, rounds: int) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description, parents=[SIMD_OPTION])
    parser.add_argument("--rounds", type=int, default=rounds, help="timed rounds of each, taken in turn")
    return parser.parse_args()
