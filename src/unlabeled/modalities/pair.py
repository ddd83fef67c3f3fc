"""Pairs of an image and a text, each prepared as it would be alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from unlabeled.counted import counted
from unlabeled.data.image.decode import SUFFIXES
from unlabeled.data.image.images import Images
from unlabeled.data.instances import Instances
from unlabeled.data.pairs.clip_checkpoint import read_clip_checkpoint
from unlabeled.data.pairs.image_texts import TABLES, ImageTexts
from unlabeled.data.text.texts import Texts
from unlabeled.errors import UnlabeledError
from unlabeled.modalities.image import CLIP_ENCODER, ImageModality, ImagePreprocessing
from unlabeled.modalities.modality import Modality, OnError, Settings
from unlabeled.modalities.preprocessing import Preprocessing
from unlabeled.modalities.text import TextModality, TextPreprocessing

if TYPE_CHECKING:
    from unlabeled.views import View

CAPTION_LENGTH = 32
"""Tokens of a caption where nobody says otherwise."""


@dataclass(frozen=True)
class PairPreprocessing(Preprocessing):
    """Both halves of a pair, each by its own preprocessing.

    Parameters
    ----------
    image : ImagePreprocessing
    text : TextPreprocessing
    """

    kind: ClassVar[str] = "pair"
    image: ImagePreprocessing
    text: TextPreprocessing

    @property
    def shape(self) -> tuple[int, ...]:
        """(channels, size, size, length)."""
        return (*self.image.shape, *self.text.shape)

    def canonical(self, values: Any) -> Any:
        """Bring images to [0, 1]; tokens stay as they are, and so does a half that is not there or encoded already."""
        return values if no_images(values) else values._replace(image=self.image.canonical(values.image))

    def to_dict(self) -> dict[str, Any]:
        """Describe it in JSON's types."""
        return {"kind": self.kind, "image": self.image.to_dict(), "text": self.text.to_dict()}

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """Make it from its fields."""
        image, text = (Preprocessing.from_dict(fields[name]) for name in ("image", "text"))
        if not isinstance(image, ImagePreprocessing) or not isinstance(text, TextPreprocessing):
            raise UnlabeledError("a pair is an image and a text")
        return cls(image, text)


class PairModality(Modality):
    """Images with captions: tables with both, folders with a text beside each image, webdataset shards."""

    name: ClassVar[str] = "pair"
    encoder: ClassVar[str] = "two_towers"
    formats: ClassVar[str] = "a table with images and captions, a folder of a.jpg beside a.txt, or .tar shards"
    has_pictures: ClassVar[bool] = True
    halves: ClassVar[tuple[str, ...]] = ("image", "text")
    settings: ClassVar[tuple[str, ...]] = (*TextModality.settings, "text_encoder")

    def accepts(self, source: Any) -> bool:
        """Take shards, and lists of an image and a caption; a table or folder only from a method for pairs."""
        if isinstance(source, os.PathLike):
            return Path(source).suffix.lower() == ".tar"
        if not isinstance(source, (list, tuple)) or not source:
            return False
        first = source[0]
        pair = isinstance(first, tuple) and len(first) == 2 and isinstance(first[1], str)
        return pair and not isinstance(first[0], str)

    def can_open(self, source: Any) -> bool:
        """Take tables, folders and lists: if they hold no pairs, the error says what there is."""
        if isinstance(source, os.PathLike):
            return Path(source).is_dir() or Path(source).suffix.lower() in {*TABLES, ".tar"}
        return isinstance(source, (list, tuple)) and len(source) > 0 and isinstance(source[0], (list, tuple))

    def open(self, source: Any) -> ImageTexts:
        """Open pairs."""
        return ImageTexts(source)

    def admit(self, source: Any, settings: Any, first: bool) -> Any:
        """Open pairs, or images or texts alone where something has been learnt already."""
        kind = getattr(source, "kind", None)
        if kind == self.name:
            return source
        if kind == "image":
            return ImageTexts.of_images(source)
        if kind == "text":
            return ImageTexts.of_texts(source.texts, source.source)
        # The data of a run over pairs are known to be such, though their images or texts could be opened alone.
        known = isinstance(settings, Settings) and settings.modalities == (self.name,)
        if not first and not known and not self.accepts(source) and (half := _half(source)) is not None:
            return half
        try:
            return ImageTexts(source, column=getattr(settings, "column", None))
        except UnlabeledError:
            # Where nothing is to be learnt, images need no captions.
            half = None if getattr(settings, "epochs", 0) else _half(source, texts=not first)
            if half is None:
                raise
            return half

    def prepare(
        self, data: Any, settings: Any, preprocessing: Any = None, on_error: OnError = "raise"
    ) -> tuple[Instances, Preprocessing]:
        """Decode the images and cut the captions into tokens."""
        from unlabeled.data.pairs.prepared_pairs import PreparedPairs

        preprocessing = preprocessing or _of_encoder(settings)
        if isinstance(data, PreparedPairs):
            if preprocessing is not None:
                return data, preprocessing
            return data, PairPreprocessing(*_measured(data))
        known_image, known_text = (None, None) if preprocessing is None else (preprocessing.image, preprocessing.text)
        images: Any = None
        texts: Any = None
        image, text = known_image, known_text
        if data.images is not None:
            images, image = ImageModality().prepare(data.images, settings, known_image, on_error)
        if data.captions is not None:
            captions = Texts([caption or " " for caption in data.captions])
            texts, text = TextModality().prepare(captions, _of_text(settings), known_text, on_error)
        if image is None or text is None:
            raise UnlabeledError("pairs to learn from need both an image and a text")
        prepared = PreparedPairs(data, images, texts, skip=on_error == "skip")
        return prepared, preprocessing or PairPreprocessing(image, text)

    def distort(self, values: Any, view: View) -> Any:
        """Distort the images, if there are any; captions stay as they are."""
        return values if no_images(values) else values._replace(image=view(values.image))

    @property
    def views(self) -> Mapping[str, Callable[[], View]]:
        """A crop of the image, as CLIP's; or the views of images."""
        from unlabeled.views import RandomCrop

        return {**ImageModality().views, "auto": lambda: RandomCrop(scale=(0.6, 1.0))}

    def baseline(self, instances: Any, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Give the pixels of the images."""
        return ImageModality().baseline(instances.images, instances.image_rows[rows])

    def groups(self, instances: Any) -> NDArray[np.int64] | None:
        """Give the number of each pair's image, if some image has several captions."""
        pictures: NDArray[np.int64] = instances.codes[0]
        return None if len(np.unique(pictures)) == len(pictures) else pictures

    def distinct(self, instances: Any) -> NDArray[np.int64]:
        """Give the first pair of each image: the vector of a pair is that of its image, whatever its caption."""
        if not instances.complete:
            return np.arange(len(instances))
        return np.sort(np.unique(instances.codes[0], return_index=True)[1])

    def pictures(self, data: Any, ids: Sequence[str], largest: int = 96) -> NDArray[np.uint8]:
        """Draw the images of the pairs."""
        position = {name: row for row, name in enumerate(data.ids)}
        names = [data.images.ids[data.image_of[position[name]]] for name in ids]
        return ImageModality().pictures(data.images, names, largest)

    def describe(self, data: Any, row: int) -> str:
        """Give the beginning of the caption."""
        return "" if data.captions is None else " ".join(data.captions[row].split())[:200]

    def summary(self, data: Any, instances: Any) -> str:
        """Say how many pairs there are, and how many captions differ."""
        if instances.texts is None:
            return f"{counted(len(instances), 'image')} without captions from {instances.source}"
        different = len(np.unique(instances.codes[1]))
        return (
            f"{counted(len(instances), 'pair')} of {counted(len(instances.images), 'image')} and "
            f"{counted(different, 'different caption')} from {instances.source}"
        )

    def accepts_query(self, query: Any) -> bool:
        """Take any image file and any text, but for the name of an image that is not there."""
        named = str(query).strip()
        return self.opens_file(query) or " " in named or Path(named).suffix.lower() not in SUFFIXES

    def opens_file(self, query: Any) -> bool:
        """Open image files; the name of any other file is words."""
        return _is_image_file(os.fspath(query))

    def open_query(self, query: Any) -> ImageTexts:
        """Take an image if there is a file of that name, and the words themselves if there is none."""
        items = list(query) if isinstance(query, (list, tuple)) else [query]
        if all(isinstance(item, str) and not _is_image_file(item) for item in items):
            return ImageTexts.of_texts(items)
        return ImageTexts.of_images(Images(items))


def clip_preprocessing(name: str) -> PairPreprocessing:
    """Give the preprocessing of a CLIP or SigLIP checkpoint, by folder or name."""
    found = read_clip_checkpoint(name)
    image = ImagePreprocessing(found.size, len(found.mean), found.fit)
    return PairPreprocessing(image, TextPreprocessing(found.tokenizer, found.length))


def _half(source: Any, *, texts: bool = True) -> ImageTexts | None:
    """Open images alone, or texts alone, if the source is either."""
    if ImageModality().accepts(source):
        return ImageTexts.of_images(Images(source))
    if texts and TextModality().accepts(source):
        return ImageTexts.of_texts(Texts(source).texts)
    return None


def _of_encoder(settings: Any) -> PairPreprocessing | None:
    """Give the preprocessing that an encoder of both halves brings with it, if it is one."""
    encoder = getattr(settings, "encoder", "auto")
    own = getattr(encoder, "preprocessing", None)
    if isinstance(own, PairPreprocessing):
        return own
    whole = isinstance(encoder, str) and encoder.startswith(CLIP_ENCODER) and _text_encoder(settings) == "auto"
    return clip_preprocessing(encoder.removeprefix(CLIP_ENCODER)) if whole else None


def _text_encoder(settings: Any) -> Any:
    return getattr(settings, "text_encoder", "auto")


def _of_text(settings: Any) -> SimpleNamespace:
    """Give the settings of the text half of a pair."""
    names = {"tokenizer": "auto", "vocabulary": None, "tokenizer_kind": "wordpiece", "length": CAPTION_LENGTH}
    found = {name: getattr(settings, name, default) for name, default in names.items()}
    return SimpleNamespace(encoder=_text_encoder(settings), usual_length=CAPTION_LENGTH, **found)


def _measured(data: Any) -> tuple[ImagePreprocessing, TextPreprocessing]:
    images, texts = data.images, data.texts
    image = ImagePreprocessing(images.size, images.channels, images.fit)
    return image, TextPreprocessing(texts.tokenizer, texts.length)


def _is_image_file(text: str) -> bool:
    # A text may be longer than a path can be, of which os.path knows, and Path does not.
    return Path(text).suffix.lower() in SUFFIXES and os.path.isfile(text)  # noqa: PTH113


def no_images(values: Any) -> bool:
    """Tell whether a batch holds texts alone, or images that a frozen tower has encoded."""
    from unlabeled.data.pairs.prepared_pairs import Encoded

    return values.image is None or isinstance(values.image, Encoded)
