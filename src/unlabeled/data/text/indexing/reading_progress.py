"""What is seen while files are read: how much of them, how fast, and the time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LINES_APART = 10  # seconds between two lines in a log


@contextmanager
def reading(total: int, progress: bool | Callable[[int, int], object] | None) -> Iterator[Callable[[int], object]]:
    """Yield a function to be told of every so many bytes read.

    Parameters
    ----------
    total : int
        Bytes in all; if 0, nothing is shown.
    progress : bool or callable, optional
        A callable is called as ``progress(done, total)``. True shows, False is silent; by default a bar is shown on a
        terminal and in a notebook. Elsewhere, such as in a log file, True gives a line now and then.
    """
    if callable(progress):
        done = 0

        def tell(size: int) -> None:
            nonlocal done
            done += size
            progress(done, total)

        yield tell
        return
    if progress is False or not total:
        yield lambda size: None
        return

    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    if not (console.is_terminal or console.is_jupyter):
        yield _lines(total) if progress else lambda size: None
        return
    columns = (BarColumn(bar_width=24), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(compact=True))
    with Progress(TextColumn("[bold]reading text"), *columns, console=console) as bar:
        task = bar.add_task("", total=total)
        yield lambda size: bar.advance(task, size)


def _lines(total: int) -> Callable[[int], object]:
    done, last = 0, time.monotonic()

    def tell(size: int) -> None:
        nonlocal done, last
        done += size
        if time.monotonic() - last > LINES_APART:
            last = time.monotonic()
            print(f"reading text: {done / 1e6:,.0f} of {total / 1e6:,.0f} MB", file=sys.stderr, flush=True)

    return tell
