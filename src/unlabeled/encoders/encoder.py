"""The contract of an encoder: a network from an instance to a vector, which can say what it is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self

from torch import Tensor, nn

from unlabeled.encoders.features import Features
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.lazy import import_all
from unlabeled.modalities import Preprocessing

_ARCHITECTURES: dict[str, type[Encoder]] = {}


LARGEST = dict.fromkeys(("layers", "depth", "blocks", "num_hidden_layers", "num_layers", "n_layer", "n_layers"), 1000)
"""The most of them that a saved encoder may state: more would take all memory before anything fails."""


class Encoder(nn.Module):
    """A network from a batch of instances, in canonical units, to vectors of shape (n, dim).

    A subclass in a file of `unlabeled.encoders` is found without being listed; one defined anywhere else is known
    from its definition on. It names its `architecture` and its `modalities`, sets `dim`, and gives in `settings` the
    keyword arguments, in JSON's types, that build it again. That is all a checkpoint needs to describe itself.

    Attributes
    ----------
    architecture : str
        The name by which users ask for it: ``encoder="conv"``.
    modalities : tuple of str
        The kinds of data it takes.
    usage : str
        How its name is written where more follows it, such as ``"timm:<model>"``.
    weights_file : str
        What the file of its weights is called in a saved folder.
    dim : int
        Length of the vector it makes.
    preprocessing : Preprocessing
        The exact way from a user's instance to its input.
    """

    architecture: ClassVar[str] = ""
    weights_file: ClassVar[str] = "encoder.safetensors"
    modalities: ClassVar[tuple[str, ...]] = ()
    usage: ClassVar[str] = ""
    dim: int
    preprocessing: Preprocessing

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__dict__.get("architecture"):  # a subclass that names none is no architecture of its own
            _ARCHITECTURES[cls.architecture] = cls

    def __init__(self, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.preprocessing = preprocessing

    @classmethod
    def named(cls, rest: str, preprocessing: Preprocessing) -> Self:
        """Build it, untrained, from what a user wrote after its name and a colon."""
        if rest:
            raise UnlabeledError(f"encoder {cls.architecture!r} takes nothing after its name, not {rest!r}")
        return cls(preprocessing)

    def settings(self) -> dict[str, Any]:
        """Give the keyword arguments, beside `preprocessing`, that build the same architecture."""
        return {}

    def describe(self) -> dict[str, Any]:
        """Describe the architecture in JSON's types; `from_description` builds it again, untrained."""
        return {"architecture": self.architecture, **self.settings()}

    def adapt(self, preprocessing: Preprocessing, what: str = "the encoder") -> None:
        """Take data that `preprocessing` prepares, or refuse them.

        Parameters
        ----------
        preprocessing : Preprocessing
        what : str, default "the encoder"
            What to call this encoder in a message.

        Raises
        ------
        UnlabeledError
            If it was made for data of another kind, shape or tokenizer.
        """
        self.preprocessing.check_fits(preprocessing, what)

    def write_companions(self, folder: Path) -> None:
        """Write, beside the weights, what other libraries need to load them; nothing by default."""

    def forward(self, values: Any) -> Tensor:
        """Map the values of a batch, in canonical units, to vectors, shape (n, dim)."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it encodes a batch")

    def features(self, values: Any) -> Features:
        """Map the values of a batch, in canonical units, to the vectors of tokens or patches, or to feature maps.

        Raises
        ------
        UnlabeledError
            If this architecture has no such features.
        """
        raise UnlabeledError(f"encoder {self.architecture!r} has no features: neither maps nor tokens")

    def tokens(self, values: Any, visible: Tensor | None = None) -> Tensor:
        """Map images to the vectors of their patches, computing only those named in `visible`; for masked autoencoding.

        Parameters
        ----------
        values : Tensor, shape (n, channels, h, w)
            Images in canonical units.
        visible : Tensor of int, shape (n, k), optional
            For each image the patches to encode, counted row by row; they see only each other. By default all.

        Returns
        -------
        Tensor, shape (n, k, dim)

        Raises
        ------
        UnlabeledError
            If this architecture does not work on patches.
        """
        raise UnlabeledError(
            f"encoder {self.architecture!r} does not work on patches; use 'vit' or a vision transformer of timm, "
            "such as 'timm:vit_tiny_patch16_224'"
        )


@cache
def architectures() -> dict[str, type[Encoder]]:
    """Give every architecture by name."""
    import unlabeled.encoders as home

    import_all(home)
    return _ARCHITECTURES


def architecture(name: str) -> type[Encoder]:
    """Find an architecture by name.

    Raises
    ------
    UnlabeledError
        If there is none.
    """
    found = architectures()
    if name not in found:
        raise unknown_name("encoder architecture", name, found)
    return found[name]


def check_sizes(description: Mapping[str, Any]) -> None:
    """Refuse sizes in a saved description, and in what it holds, that would take all memory."""
    for key, value in description.items():
        if isinstance(value, Mapping):
            check_sizes(value)
        elif isinstance(value, int) and value > LARGEST.get(key, 10_000_000):
            raise UnlabeledError(f"the description of the encoder says {key} = {value}; it is damaged")


def from_description(description: dict[str, Any], preprocessing: Preprocessing) -> Encoder:
    """Build an untrained encoder from what `Encoder.describe` gave."""
    settings = {key: value for key, value in description.items() if key != "pretrained"}  # the weights are in the file
    check_sizes(settings)
    return architecture(str(settings.pop("architecture", "")))(preprocessing, **settings)
