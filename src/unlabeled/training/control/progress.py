"""What is seen of a run while it runs: loss, speed, health and the time left."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

APART = 10  # seconds between two lines in a log


class ProgressBar:
    """A bar on a terminal or in a notebook; elsewhere, such as in a log file, a line now and then.

    Parameters
    ----------
    title : str
        Name of the method.
    steps : int
        Steps in all.
    done : int
        Steps already done by a run that is resumed.
    show : bool, optional
        True shows, False is silent; by default it shows on a terminal and in a notebook.
    unit : str, default ""
        What the steps and the rate count, if not steps and instances.
    """

    def __init__(self, title: str, steps: int, done: int = 0, show: bool | None = None, unit: str = "") -> None:
        console = Console(stderr=True)
        lively = console.is_terminal or console.is_jupyter
        self._lines = show is True and not lively
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%  {task.fields[figures]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            disable=show is False or not lively,
        )
        self._task = self._bar.add_task(title, total=steps, completed=done, figures="")
        self._title, self._steps = title, steps
        self._begun = self._last = time.monotonic()
        self._before, self._unit, self._figures = done, unit, ""
        self._rank: float | None = None

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def advance(self, step: int) -> None:
        """Say how many steps are done."""
        self._bar.update(self._task, completed=step)
        self._line(step)

    def show(self, figures: dict[str, float], rate: float) -> None:
        """Show the latest figures and the instances per second; health stays until it is measured anew."""
        step = int(figures["step"])
        held_out = f" ({figures['validation_loss']:.4g} held out)" if "validation_loss" in figures else ""
        words = [f"loss {figures['loss']:.4g}{held_out}", f"{rate:,.0f}{self._unit and f' {self._unit}'}/s"]
        if "learning_rate" in figures:
            words.append(f"learning rate {figures['learning_rate']:.2g}")
        self._rank = figures.get("effective_rank", self._rank)
        if self._rank is not None:
            words.append(f"effective rank {self._rank:.1f}")
        self._figures = "  ".join(words)
        self._bar.update(self._task, completed=step, figures=self._figures)
        self._line(step, last=step == self._steps)

    def _line(self, step: int, last: bool = False) -> None:
        if self._lines and (last or time.monotonic() - self._last > APART):
            self._last = time.monotonic()
            place = f"{step:,} of {self._steps:,} {self._unit}" if self._unit else f"step {step:,} of {self._steps:,}"
            words = [f"{self._title}: {place}", self._figures, self._left(step)]
            print("  ".join(word for word in words if word), file=sys.stderr, flush=True)

    def _left(self, step: int) -> str:
        """Say how long the rest takes at the pace until now."""
        spent, made = self._last - self._begun, step - self._before
        if made <= 0 or step >= self._steps:
            return ""
        seconds = round(spent * (self._steps - step) / made)
        return f"{timedelta(seconds=seconds)} left"
