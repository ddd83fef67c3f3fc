"""The contract of a modality, and how the modalities are found."""

from __future__ import annotations

import os
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.instances import Instances, Named
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.modalities.preprocessing import Preprocessing

if TYPE_CHECKING:
    from unlabeled.views import View

OnError = Literal["raise", "skip"]

_INSTANCES: dict[str, Modality] = {}


class Collection(Named, Protocol):
    """What a user's data are once they are opened, not yet brought to one size."""

    @property
    def source(self) -> str:
        """What it was opened from, for messages."""
        ...


@dataclass(frozen=True)
class Settings:
    """What a user may say about preparing data; an estimator with fields of these names serves as well.

    Parameters
    ----------
    encoder : str, path or Encoder, default "auto"
        The encoder that the data are prepared for.
    size, channels : int, optional
        Of images.
    resize : {"crop", "squash", "pad"}, default "crop"
        How an image becomes square.
    workers : int, optional
        Threads that decode.
    column : str, optional
        Of a table, the column of texts; two or three with commas between them for pairs and triples.
    unit : {"line", "paragraph", "file"}, default "line"
        What is one text in a text file.
    modalities : tuple of str, optional
        Kinds of data that are thought of first when a source could be several.
    """

    encoder: Any = "auto"
    size: int | None = None
    channels: int | None = None
    resize: Literal["crop", "squash", "pad"] = "crop"
    workers: int | None = None
    column: str | None = None
    unit: Literal["line", "paragraph", "file"] = "line"
    modalities: tuple[str, ...] = ()


class Modality(ABC):
    """A kind of data: what it accepts, how it is opened, prepared, encoded by default, judged and shown.

    A subclass in a file of `unlabeled.modalities` that is named after it is found without being listed. One defined
    anywhere else is known from its definition on.

    Attributes
    ----------
    name : str
        What one instance is: ``"image"``; the plural is made with an s.
    encoder : str
        Name of the encoder that ``encoder="auto"`` takes.
    formats : str
        What files it opens, for error messages.
    has_pictures : bool
        Whether `pictures` can draw instances.
    can_be_averaged : bool
        Whether a mixture of two instances is an instance, as of images; tokens have no averages.
    from_one_source : bool
        Whether several instances come from one thing that a user has, as clips from a video; see `groups`.
    halves : tuple of str
        Kinds of data that an encoder of this kind takes alone, as CLIP's takes images or texts.
    settings : tuple of str
        Names of what `prepare` asks its settings for beside the fields of `Settings`, such as the length of a clip.
    """

    name: ClassVar[str]
    encoder: ClassVar[str]
    formats: ClassVar[str] = ""
    has_pictures: ClassVar[bool] = False
    can_be_averaged: ClassVar[bool] = True
    from_one_source: ClassVar[bool] = False
    halves: ClassVar[tuple[str, ...]] = ()
    settings: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _INSTANCES[cls.name] = cls()

    @abstractmethod
    def accepts(self, source: Any) -> bool:
        """Tell whether `source` (a path that exists, or an object) is data of this kind, without reading it whole."""

    def can_open(self, source: Any) -> bool:
        """Tell whether `source` could be data of this kind, for a method that is for nothing else."""
        return self.accepts(source)

    @abstractmethod
    def open(self, source: Any) -> Collection:
        """Open `source`; `UnlabeledError` says what is wrong with it."""

    def admit(self, source: Any, settings: Any, first: bool) -> Collection:
        """Open what an estimator is given, a source or a collection; `first` in `fit`, not in `transform`."""
        opened: Collection = source if is_data(source) else self.open(source)
        return opened

    @abstractmethod
    def prepare(
        self, data: Any, settings: Any, preprocessing: Any = None, on_error: OnError = "raise"
    ) -> tuple[Instances, Preprocessing]:
        """Make instances ready for learning.

        Parameters
        ----------
        data : Collection or Instances
            What `open` gave, or instances that are ready.
        settings : Settings or estimator
            What the user asks for; it counts only where `preprocessing` does not say otherwise.
        preprocessing : Preprocessing, optional
            What a fitted encoder needs; by default it is measured on the data.
        on_error : {"raise", "skip"}, default "raise"
            What to do about an instance that cannot be read.

        Returns
        -------
        instances : Instances
        preprocessing : Preprocessing
            The given one, or the measured one.
        """

    @property
    def views(self) -> Mapping[str, Callable[[], View]]:
        """Ready-made views by name; ``"auto"`` among them is the default one."""
        return {}

    def view_for(self, instances: Instances, name: str) -> str:
        """Name the view that these instances want in the place of a default one."""
        return name

    def distort(self, values: Any, view: View) -> Any:
        """Give a distorted copy of the values of a batch, in canonical units."""
        return view(values)

    def strengthened(self, weak: View) -> View:
        """Give the strong distortion that goes with a weak one; by default the view ``"strong"``, whatever the weak."""
        return self.views["strong"]()

    def baseline(self, instances: Instances, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Give some instances as vectors in the simplest way, shape (n, d): what learning must beat."""
        raise UnlabeledError(f"{self.name} data have no raw baseline")

    def groups(self, instances: Instances) -> NDArray[np.int64] | None:
        """Give the number of the group that each instance comes from: a video, or an image; None where each is its own.

        Instances of one group must not be in both parts of a split.
        """
        return None

    def distinct(self, instances: Instances) -> NDArray[np.int64]:
        """Give the rows that a run indexes, in order: all, or the first of those that always have one vector."""
        return np.arange(len(instances))

    def pictures(self, data: Any, ids: Sequence[str], largest: int = 96) -> NDArray[np.uint8]:
        """Draw the instances of these names, shape (n, side, side, 3), with at most `largest` pixels a side."""
        raise UnlabeledError(f"{self.name} data cannot be drawn")

    def missing(self, data: Collection, ids: Sequence[str]) -> list[str]:
        """List those of some instances that the data do not hold."""
        known = set(data.ids)
        return [name for name in ids if name not in known]

    def describe(self, data: Any, row: int) -> str:
        """Say in a few words what an instance is, beside its id; empty where there is nothing to add."""
        return ""

    def whole_texts(self, data: Any) -> list[str] | None:
        """Give the text of each instance, in the order of the ids; None where instances are no texts."""
        return None

    def summary(self, data: Collection, instances: Instances) -> str:
        """Say in a sentence what has been opened."""
        return f"{len(instances):,} {self.name}s from {data.source}"

    def accepts_query(self, query: str | os.PathLike[str]) -> bool:
        """Tell whether words on a command line can be opened as a query: here, whether they name a file."""
        return self.opens_file(query)

    def opens_file(self, query: str | os.PathLike[str]) -> bool:
        """Tell whether a query names a file, which is then opened."""
        return os.path.exists(query)  # noqa: PTH110 (a text may be longer than a path can be, which Path refuses)

    def is_embedded(self, query: Any, dim: int) -> bool:
        """Tell whether a query holds vectors of `dim` numbers, embedded already: floats of one or two dimensions."""
        return isinstance(query, np.ndarray) and query.ndim <= 2 and np.issubdtype(query.dtype, np.floating)

    def open_query(self, query: Any) -> Collection:
        """Open one instance, or a list of them, that is not in the collection and searched with."""
        return self.open(query)


def modalities() -> dict[str, Modality]:
    """Give every modality by name."""
    for name in _files():
        import_module(f"unlabeled.modalities.{name}")
    return dict(sorted(_INSTANCES.items()))


def modality(name: str) -> Modality:
    """Find a modality by name; only its own file is imported.

    Raises
    ------
    UnlabeledError
        If there is none.

    Examples
    --------
    >>> modality("image").encoder
    'conv'
    """
    if name not in _INSTANCES and name in _files():
        import_module(f"unlabeled.modalities.{name}")
    if name not in _INSTANCES:
        raise unknown_name("modality", name, modalities())
    return _INSTANCES[name]


def is_data(source: Any) -> bool:
    """Tell whether `source` is a data object of some modality already."""
    return isinstance(getattr(source, "kind", None), str) and hasattr(source, "ids") and hasattr(source, "fingerprint")


def modality_of(data: Any) -> Modality:
    """Give the modality of a data object, of instances or of preprocessing."""
    return modality(data.kind)


def check_modality(data: Any, name: str, message: str) -> None:
    """Refuse, with a message, a data object, instances or preprocessing of another modality than this one."""
    if data.kind != name:
        raise UnlabeledError(message)


@cache
def _files() -> tuple[str, ...]:
    """List the files of this room that may hold a modality."""
    import unlabeled.modalities as home

    own = {"modality", "opening", "preprocessing"}
    return tuple(info.name for info in pkgutil.iter_modules(home.__path__) if info.name not in own)
