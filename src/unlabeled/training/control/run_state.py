"""Where a run stands, and how it is kept, resumed and interrupted: the same for deep methods and word methods."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unlabeled.errors import UnlabeledError

FILE = "checkpoint.safetensors"
"""The one file of a checkpoint. The state is in it as bytes, so that numbers and state are always of the same step."""


@dataclass
class State:
    """Where a run stands. Everything random follows from the seed and the step, so no generator needs saving.

    Attributes
    ----------
    seed : int
    identity : dict
        The settings and the data, which must be the same when the run is resumed.
    step : int
        Steps of the optimiser that are done; of a word method, blocks of text.
    history : list of dict
    """

    seed: int
    identity: dict[str, Any]
    step: int = 0
    history: list[dict[str, float]] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        """Write the state as JSON."""
        return json.dumps(vars(self)).encode()

    def resume(self, folder: Path, saved: bytes, longer: bool = False) -> None:
        """Go on from a saved state.

        Parameters
        ----------
        folder : Path
            Where it was saved, for messages.
        saved : bytes
            What `to_bytes` gave.
        longer : bool, default False
            Whether the run may have more epochs than it had.

        Raises
        ------
        UnlabeledError
            If the saved state is of other settings or other data; nothing has changed then.
        """
        before = State(**json.loads(saved))
        changed = [key for key in self.identity if before.identity.get(key) != self.identity[key]]
        if longer and "epochs" in changed and before.identity["epochs"] < self.identity["epochs"]:
            changed.remove("epochs")
        if changed:
            was, now = before.identity.get(changed[0]), self.identity[changed[0]]
            raise UnlabeledError(
                f"the checkpoint in {folder} is of another run: {changed[0]} was {was!r} and is now {now!r}. "
                "Resume with the same settings and data, or start afresh without resume"
            )
        self.seed, self.step, self.history = before.seed, before.step, before.history


def checkpoint_in(folder: Path) -> Path:
    """Give the checkpoint of a folder.

    Raises
    ------
    UnlabeledError
        If there is none.
    """
    if not (folder / FILE).exists():
        raise UnlabeledError(f"{folder} holds no checkpoint to resume from; start afresh without resume")
    return folder / FILE


def stopped_message(folder: Path | None, done: str) -> str:
    """Say after how much a training was interrupted, and where it can go on from.

    Examples
    --------
    >>> stopped_message(None, "step 3 of 10")
    'stopped after step 3 of 10; the model keeps what it has learnt'
    """
    if folder is None:
        return f"stopped after {done}; the model keeps what it has learnt"
    return f"stopped after {done}; saved in {folder}, from where fit(..., resume=True) goes on"
