"""The contract of an encoder: a network from an instance to a vector, which can say what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn

from unlabeled.encoders.preprocessing import Preprocessing
from unlabeled.errors import unknown_name

_ARCHITECTURES: dict[str, type[Encoder]] = {}


class Encoder(nn.Module):
    """A network from a batch of instances, in canonical units, to vectors of shape (n, dim).

    A subclass names its `architecture`, sets `dim`, and gives in `settings` the keyword arguments, in JSON's types,
    that build it again. That is all a checkpoint needs to describe itself.

    Attributes
    ----------
    dim : int
        Length of the vector it makes.
    preprocessing : Preprocessing
        The exact way from a user's instance to its input.
    """

    architecture: ClassVar[str] = ""
    weights_file: ClassVar[str] = "encoder.safetensors"
    dim: int
    preprocessing: Preprocessing

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.architecture:
            _ARCHITECTURES[cls.architecture] = cls

    def __init__(self, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.preprocessing = preprocessing

    def settings(self) -> dict[str, Any]:
        """Give the keyword arguments, beside `preprocessing`, that build the same architecture."""
        return {}

    def describe(self) -> dict[str, Any]:
        """Describe the architecture in JSON's types; `from_description` builds it again, untrained."""
        return {"architecture": self.architecture, **self.settings()}

    def write_companions(self, folder: Path) -> None:
        """Write, beside the weights, what other libraries need to load them; nothing by default."""

    def forward(self, values: Any) -> Tensor:
        """Map the values of a batch, in canonical units, to vectors, shape (n, dim)."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it encodes a batch")


def from_description(description: dict[str, Any], preprocessing: Preprocessing) -> Encoder:
    """Build an untrained encoder from what `Encoder.describe` gave."""
    settings = dict(description)
    name = settings.pop("architecture", "")
    if name not in _ARCHITECTURES:
        raise unknown_name("encoder architecture", name, _ARCHITECTURES)
    return _ARCHITECTURES[name](preprocessing, **settings)
