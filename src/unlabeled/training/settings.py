"""Settings of an estimator: checked before work begins, and described in JSON's types."""

from __future__ import annotations

from typing import Any

from unlabeled.encoders.encoder import Encoder, from_description
from unlabeled.encoders.make import brings_weights
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.estimator import described
from unlabeled.modalities import Preprocessing
from unlabeled.setting_checks import check_types, check_whole_settings
from unlabeled.views import View

AT_LEAST_ONE = ("batch_size", "accumulate", "checkpoint_every", "size", "workers")
LARGEST_RATE = 1e30
"""A learning rate beyond this overflows in the optimiser itself."""


def check_settings(method: Any) -> None:
    """Refuse settings that cannot be meant, naming the setting and its value.

    Raises
    ------
    UnlabeledError
    """
    check_types(method)
    least = 0 if brings_weights(method.encoder) else 1
    if not isinstance(method.epochs, int) or method.epochs < least:
        more = "; 0 takes an encoder as it is, which must be a trained one" if method.epochs == 0 else ""
        raise UnlabeledError(f"epochs must be a whole number of at least 1, got {method.epochs!r}{more}")
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
    if isinstance(value, Encoder):
        return {"encoder": value.describe(), "preprocessing": value.preprocessing.to_dict()}
    return value.to_dict() if isinstance(value, View) else described(value)


def restored(settings: dict[str, Any]) -> dict[str, Any]:
    """Undo `described_parts` in a recipe."""
    restored = dict(settings)
    for name, value in settings.items():
        if isinstance(value, dict) and "encoder" in value:
            restored[name] = from_description(value["encoder"], Preprocessing.from_dict(value["preprocessing"]))
        elif isinstance(value, dict) and "view" in value:
            restored[name] = View.from_dict(value)
        elif isinstance(value, list):
            restored[name] = tuple(value)
    return restored
