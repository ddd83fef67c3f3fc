"""Pairs ready for learning: images of one size, captions in tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unlabeled.data.batch import Batch, labels_at
from unlabeled.data.fingerprint import fingerprint
from unlabeled.data.image.prepared import PreparedImages, Skipped
from unlabeled.data.instances import prefetched
from unlabeled.data.pairs.image_texts import ImageTexts
from unlabeled.data.text.tokenization.tokenized import TokenizedTexts
from unlabeled.data.text.tokenization.tokens import Tokens
from unlabeled.errors import UnlabeledError


class Encoded(NamedTuple):
    """What a frozen tower gave for one half of pairs, in place of the images or texts.

    Attributes
    ----------
    vectors : Tensor, shape (n, dim)
    """

    vectors: Tensor


class Pair(NamedTuple):
    """Pairs in a batch, or one half of them.

    Attributes
    ----------
    image : Tensor, shape (n, channels, size, size), Encoded or None
    text : Tokens, Encoded or None
    picture, caption : Tensor of int64, shape (n,)
        Numbers that are equal where two pairs have the same image, or the same caption: they are no negatives.
    """

    image: Tensor | Encoded | None
    text: Tokens | Encoded | None
    picture: Tensor
    caption: Tensor


class PreparedPairs:
    """Pairs with decoded images and captions in tokens; satisfies `Instances`. Made by the modality.

    Pairs whose caption is empty or whose image cannot be read are left out, and listed in `skipped`.

    Parameters
    ----------
    pairs : ImageTexts
    images : PreparedImages or None
        Of the pairs' images.
    texts : TokenizedTexts or None
        Of the pairs' captions.
    skip : bool
        Whether to leave out empty captions, or to stop at the first.
    """

    kind: ClassVar[str] = "pair"

    def __init__(
        self, pairs: ImageTexts, images: PreparedImages | None, texts: TokenizedTexts | None, *, skip: bool
    ) -> None:
        self.pairs, self.images, self.texts = pairs, images, texts
        self.skipped: list[Skipped] = []
        kept = np.ones(len(pairs), dtype=bool)
        self._rows = np.zeros(len(pairs), dtype=np.int64)
        if images is not None:
            place = np.full(len(pairs.images or ()), -1)
            place[images.kept] = np.arange(len(images.kept))
            self._rows = place[pairs.image_of]
            kept &= self._rows >= 0
            reasons = {image.id: image.reason for image in images.skipped}
            for row in np.flatnonzero(~kept).tolist():
                self.skipped.append(Skipped(pairs.ids[row], reasons[images.images.ids[pairs.image_of[row]]]))
        if pairs.captions is not None and pairs.images is not None:
            empty = np.array([not caption.strip() for caption in pairs.captions])
            names = [pairs.ids[row] for row in np.flatnonzero(empty & kept)]
            if names and not skip:
                raise UnlabeledError(
                    f"{len(names)} of {len(pairs)} pairs have no caption, the first {names[0]!r}; "
                    "give them captions, or leave them out: on_error='skip'"
                )
            self.skipped += [Skipped(name, "it has no caption") for name in names]
            kept &= ~empty
        self.kept: NDArray[np.int64] = np.flatnonzero(kept)
        if not len(self.kept):
            raise UnlabeledError(f"{pairs.source} holds no pair of a readable image and a caption")

    def __len__(self) -> int:
        return len(self.kept)

    @cached_property
    def ids(self) -> list[str]:
        """Names of the pairs."""
        return [self.pairs.ids[row] for row in self.kept]

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """Class numbers, −1 where unlabelled, or None."""
        return None if self.pairs.labels is None else self.pairs.labels[self.kept]

    @property
    def classes(self) -> list[str] | None:
        """Names of the classes, or None."""
        return self.pairs.classes

    @property
    def source(self) -> str:
        """What the pairs were opened from, for messages."""
        return self.pairs.source

    @property
    def complete(self) -> bool:
        """Whether there are both images and captions."""
        return self.images is not None and self.texts is not None

    @property
    def captions(self) -> list[str]:
        """The captions of the pairs."""
        return [] if self.pairs.captions is None else [self.pairs.captions[row] for row in self.kept]

    @property
    def image_rows(self) -> NDArray[np.int64]:
        """Position in `images` of each pair's image."""
        return self._rows[self.kept]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the pairs, of what images and texts are brought to, and of which pairs are kept."""
        halves = [half.fingerprint for half in (self.images, self.texts) if half is not None]
        return fingerprint([self.pairs.fingerprint, *halves, self.kept])

    @cached_property
    def codes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """A number for each pair's image and for its caption.

        Images are equal if they are stored alike, byte for byte, as in a table with a row for each caption of an image;
        captions if they differ in case or spaces only.
        """
        pictures = np.arange(len(self.kept))
        if self.pairs.images is not None:
            images, places = np.unique(self.pairs.image_of[self.kept], return_inverse=True)
            pictures = self.pairs.images.content_codes(images)[places.reshape(-1)]
        if self.pairs.captions is None:
            return pictures, np.arange(len(self.kept))
        plain = [" ".join(caption.casefold().split()) for caption in self.captions]
        return pictures, np.unique(np.array(plain, dtype=object).astype(str), return_inverse=True)[1].reshape(-1)

    def gather(self, indices: Tensor) -> Batch:
        """Give the pairs at `indices`; values are a `Pair`."""
        chosen = self.kept[indices.cpu().numpy()]
        image: Any = None
        text: Any = None
        if self.images is not None:
            image = self.images.gather(torch.from_numpy(self._rows[chosen])).values
        if self.texts is not None:
            text = self.texts.gather(torch.from_numpy(chosen)).values
        picture, caption = (torch.from_numpy(codes)[indices.cpu()] for codes in self.codes)
        return Batch(Pair(image, text, picture, caption), labels_at(self.labels, indices), indices)

    def batches(self, index_batches: Iterable[Tensor], prefetch: int = 2) -> Iterator[Batch]:
        """Give `gather` of each of `index_batches` in turn, fetched ahead; see `prefetched`."""
        return prefetched(self.gather, index_batches, prefetch)
