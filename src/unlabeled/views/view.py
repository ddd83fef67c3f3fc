"""A view: a distorted copy of a batch, described by plain values so that a recipe can be saved and made again."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor

from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.lazy import import_all
from unlabeled.views import draw
from unlabeled.views.geometric.canvas import Canvas


@dataclass(frozen=True)
class View(ABC):
    """Base of all views: call it with a batch and get a distorted copy; the batch itself is never changed.

    A view is a frozen dataclass, so two with the same fields are equal, and its description in JSON's types
    (`to_dict`) makes it again (`from_dict`).
    """

    kind: ClassVar[str] = ""
    """Name of the modality whose instances it distorts; empty where any will do."""
    _known: ClassVar[dict[str, type[View]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        View._known[cls.__name__] = cls

    @abstractmethod
    def __call__(self, batch: Tensor, generator: Generator | None = None) -> Tensor:
        """Give a distorted copy of `batch`, each instance with its own random parameters.

        Parameters
        ----------
        batch : Tensor, shape (n, ...)
            The instances, on any device.
        generator : torch.Generator, optional
            Source of randomness, on the CPU; torch's default one if None. The same state gives the same views on
            every device.

        Returns
        -------
        Tensor, shape (n, ...)
            On the batch's device, in its dtype.

        Raises
        ------
        UnlabeledError
            If the batch is not of the kind this view distorts.
        """

    def to_dict(self) -> dict[str, Any]:
        """Describe the view in JSON's types.

        Examples
        --------
        >>> from unlabeled.views import Blur
        >>> Blur(p=1.0).to_dict()
        {'view': 'Blur', 'sigma': [0.1, 2.0], 'p': 1.0}
        """
        fields = {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}
        return {"view": type(self).__name__, **fields}

    @staticmethod
    def from_dict(description: dict[str, Any]) -> View:
        """Make a view from its description.

        Raises
        ------
        UnlabeledError
            If the description names no known view, or has fields that view does not have.

        Examples
        --------
        >>> from unlabeled.views import View
        >>> View.from_dict({"view": "Flip", "p": 0.5})
        Flip(p=0.5)
        """
        fields = dict(description)
        name = str(fields.pop("view", ""))
        if name not in View._known:  # it may be in a file that nothing has imported yet
            import unlabeled.views as home

            import_all(home)
        if name not in View._known:
            raise unknown_name("view", name, View._known)
        try:
            return View._known[name](**{key: _whole(value) for key, value in fields.items()})
        except TypeError as error:
            raise UnlabeledError(f"cannot make the view {name} from {fields}: {error}") from error


@dataclass(frozen=True)
class ImageView(View):
    """A view of images: float tensors of shape (n, c, h, w) with values in [0, 1].

    Values are clamped to [0, 1] once, when the view is complete. A sequence that clamps after every step, as one on
    8-bit images must, loses what a step drives out of range even where the next would have brought it back; here
    only the final value counts.
    """

    kind: ClassVar[str] = "image"

    def __call__(self, batch: Tensor, generator: Generator | None = None) -> Tensor:
        """Give a distorted copy of `batch`, each image with its own random parameters (see `View`)."""
        check_images(batch)
        # Half precision cannot hold positions in an image; such batches are computed in single precision.
        work = batch if batch.dtype in (torch.float32, torch.float64) else batch.float()
        canvas = Canvas(work)
        with torch.autocast(batch.device.type, enabled=False):  # half precision would lose positions and colours
            self.paint(canvas, torch.ones(len(batch), dtype=torch.bool), generator)
            return canvas.finished().to(batch.dtype)

    @abstractmethod
    def paint(self, canvas: Canvas, chosen: Tensor, generator: Generator | None) -> None:
        """Distort the chosen images of the canvas.

        Parameters
        ----------
        canvas : Canvas
            The images so far.
        chosen : Tensor, bool, shape (n,)
            The images to distort, on the CPU; the others stay as they are. Parameters are drawn for all images
            whether chosen or not, so that no image's draws depend on another's.
        generator : torch.Generator, optional
            Source of randomness.
        """


@dataclass(frozen=True)
class Operation(ImageView):
    """One distortion, applied to each image with a probability; every subclass has the field `p`."""

    @property
    @abstractmethod
    def p(self) -> float:
        """Probability for each image."""

    def __post_init__(self) -> None:
        check(0 <= self.p <= 1, self, "p", "a probability, between 0 and 1")

    def paint(self, canvas: Canvas, chosen: Tensor, generator: Generator | None) -> None:
        """Distort each of the chosen images with probability `p`."""
        self.apply(canvas, chosen & draw.bernoulli(len(chosen), self.p, generator), generator)

    @abstractmethod
    def apply(self, canvas: Canvas, chosen: Tensor, generator: Generator | None) -> None:
        """Draw parameters for all images and distort the chosen ones."""


def check(good: bool, view: View, field: str, meaning: str) -> None:
    """Refuse a view's field that is out of range, saying what it means."""
    if not good:
        raise UnlabeledError(f"{type(view).__name__}: {field}={getattr(view, field)!r} must be {meaning}")


def check_images(batch: Tensor) -> None:
    """Refuse a batch that is not float images of shape (n, c, h, w)."""
    if batch.ndim != 4 or min(batch.shape[1:]) == 0:
        raise UnlabeledError(f"a view of images needs shape (n, channels, height, width); got {tuple(batch.shape)}")
    if not batch.is_floating_point():
        raise UnlabeledError(f"a view of images needs floats in [0, 1]; got {batch.dtype}: use batch.float() / 255")


def _plain(value: Any) -> Any:
    if isinstance(value, View):
        return value.to_dict()
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return View.from_dict(value)
    return tuple(_whole(item) for item in value) if isinstance(value, list) else value
