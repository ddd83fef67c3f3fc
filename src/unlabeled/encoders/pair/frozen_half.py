"""Pairs of which a frozen tower encodes one half once, and not in every step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unlabeled.data.batch import Batch
from unlabeled.data.instances import prefetched
from unlabeled.data.pairs.prepared_pairs import Encoded
from unlabeled.encoders.embed import embed
from unlabeled.encoders.encoder import Encoder


class FrozenHalf:
    """Pairs in whose batches a tower's vectors stand in place of images or texts; satisfies `Instances`.

    The vectors of all images or texts are computed when `batches` is called, and kept: four bytes a number. `gather`
    gives the pairs as they are.

    Parameters
    ----------
    pairs : PreparedPairs
    half : {"image", "text"}
        What is encoded.

    Attributes
    ----------
    tower : Encoder or None
        Of that half; to be set before `batches` is called.
    """

    kind: ClassVar[str] = "pair"

    def __init__(self, pairs: Any, half: str) -> None:
        self.pairs, self.half = pairs, half
        self.tower: Encoder | None = None
        self.ids: list[str] = pairs.ids
        self.labels: NDArray[np.int64] | None = pairs.labels
        self.classes: list[str] | None = pairs.classes

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def fingerprint(self) -> str:
        """That of the pairs."""
        found: str = self.pairs.fingerprint
        return found

    def gather(self, indices: Tensor) -> Batch:
        """Give the pairs at `indices` as they are."""
        found: Batch = self.pairs.gather(indices)
        return found

    def batches(self, index_batches: Iterable[Tensor], prefetch: int = 2) -> Iterator[Batch]:
        """Give batches in which one half is `Encoded`."""
        assert self.tower is not None
        of_images = self.half == "image"
        instances, rows = (
            (self.pairs.images, self.pairs.image_rows) if of_images else (self.pairs.texts, self.pairs.kept)
        )
        device = next(self.tower.parameters()).device
        vectors = torch.from_numpy(embed(self.tower, instances, device=device))
        place = torch.from_numpy(rows)

        def encoded(indices: Tensor) -> Batch:
            batch = self.gather(indices)
            half = {self.half: Encoded(vectors[place[indices.cpu()]])}
            return batch.map(lambda values: values._replace(**half))

        return prefetched(encoded, index_batches, prefetch)
