"""What the word methods that learn have in common."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from unlabeled.methods.words.word_embedding import WordEmbedding
from unlabeled.setting_checks import check_whole_settings


class TrainedEmbedding(WordEmbedding, ABC):
    """Base of the word methods whose vectors are learnt: their length can be chosen, and threads share the work.

    Parameters
    ----------
    dim : int, default 100
        Length of a vector.
    workers : int, optional
        Threads; by default one a processor.
    """

    principle: ClassVar[str] = "words"

    dim: int = 100
    workers: int | None = None

    def _check(self) -> None:
        super()._check()
        check_whole_settings(self, "dim", "workers")
