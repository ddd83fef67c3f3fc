"""Settings of an estimator: checked before work begins, and described in JSON's types."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from unlabeled.encoders.encoder import Encoder
from unlabeled.encoders.make import brings_weights
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.estimator import described
from unlabeled.setting_checks import StandIn, check_types, check_whole_number, check_whole_settings, refuse_idle
from unlabeled.views import View

AT_LEAST_ONE = ("batch_size", "accumulate", "checkpoint_every", "size", "workers")
LARGEST_RATE = 1e30
"""A learning rate beyond this overflows in the optimiser itself."""


@dataclass(frozen=True)
class LostEncoder(StandIn):
    """Stands, in a method that was loaded, for an `Encoder` that it was given: the weights it began with are not saved.

    Parameters
    ----------
    description : dict
        What `described_parts` gave of it.
    """

    description: dict[str, Any]

    def __repr__(self) -> str:
        return f"LostEncoder({self.description['encoder'].get('architecture')!r})"


def check_settings(method: Any) -> None:
    """Refuse settings that cannot be meant or change nothing, naming the setting and its value.

    Raises
    ------
    UnlabeledError
    """
    check_types(method)
    for field in dataclasses.fields(method):
        if isinstance(getattr(method, field.name), LostEncoder):
            raise UnlabeledError(
                f"{type(method).__name__} learnt from an encoder that it was given, and the weights that this had "
                f"before are not saved; to fit again, give the encoder: set_params({field.name}=...)"
            )
    for names, why in method.idle_settings():
        refuse_idle(method, names, why)
    least = 0 if brings_weights(method.encoder) else 1
    if method.epochs == 0 < least:
        raise UnlabeledError(
            "epochs must be a whole number of at least 1, got 0; 0 takes an encoder as it is, which must be a trained "
            "one"
        )
    check_whole_number("epochs", method.epochs, least)
    check_whole_settings(method, *AT_LEAST_ONE)
    check_learning_rates(method, "learning_rate")
    if method.clip_norm is not None and not method.clip_norm > 0:
        raise UnlabeledError(f"clip_norm must be above 0, got {method.clip_norm!r}")
    if method.weight_decay < 0:
        raise UnlabeledError(f"weight_decay must not be negative, got {method.weight_decay!r}")
    if not 0 <= method.warmup <= 1:
        raise UnlabeledError(f"warmup is a share of the steps between 0 and 1, got {method.warmup!r}")
    if not 0 <= getattr(method, "momentum", 0) <= 1:  # of a teacher or a running average
        raise UnlabeledError(f"momentum is a share that stays, between 0 and 1, got {method.momentum!r}")
    if method.channels not in (None, 1, 3):
        raise UnlabeledError(f"channels must be 1 or 3, got {method.channels!r}")
    if method.resize not in ("crop", "squash", "pad"):
        raise unknown_name("resize", method.resize, ["crop", "squash", "pad"])


def check_learning_rates(method: Any, *names: str) -> None:
    """Refuse learning rates that no optimiser takes."""
    for name in names:
        if not 0 < getattr(method, name) <= LARGEST_RATE:
            raise UnlabeledError(f"{name} must be above 0 and at most {LARGEST_RATE:g}, got {getattr(method, name)!r}")


def described_parts(value: Any) -> Any:
    """Describe a setting in JSON's types; encoders and views of the user's own by their parts."""
    if isinstance(value, LostEncoder):
        return value.description
    if isinstance(value, Encoder):
        return {"encoder": value.describe(), "preprocessing": value.preprocessing.to_dict()}
    return value.to_dict() if isinstance(value, View) else described(value)


def restored(settings: dict[str, Any]) -> dict[str, Any]:
    """Undo `described_parts` in a recipe; of an encoder it gives what stands for it."""
    restored = dict(settings)
    for name, value in settings.items():
        if isinstance(value, dict) and "encoder" in value:
            restored[name] = LostEncoder(value)
        elif isinstance(value, dict) and "view" in value:
            restored[name] = View.from_dict(value)
        elif isinstance(value, list):
            restored[name] = tuple(value)
    return restored
