"""Preprocessing of texts: the tokenizer and the window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from unlabeled.data.text.subword_tokenizer import SubwordTokenizer
from unlabeled.errors import UnlabeledError
from unlabeled.modalities import Preprocessing


@dataclass(frozen=True)
class TextPreprocessing(Preprocessing):
    """How a text becomes tokens: cut by `tokenizer`, special tokens put around, cut off after `length` tokens.

    Parameters
    ----------
    tokenizer : SubwordTokenizer
    length : int, default 128
        Most tokens of a text, special ones included.
    """

    kind: ClassVar[str] = "text"

    tokenizer: SubwordTokenizer
    length: int = 128

    def __post_init__(self) -> None:
        if self.length < self.tokenizer.added_to_pair + 2:
            raise UnlabeledError(f"a length of {self.length} tokens has no room for a text beside the special tokens")

    @property
    def shape(self) -> tuple[int, ...]:
        """Size of the vocabulary and of the window: what must be the same for two encoders to take the same texts."""
        return (len(self.tokenizer), self.length)

    def canonical(self, values: Any) -> Any:
        """Give the tokens of a batch as they are: they need no scaling."""
        return values

    def to_dict(self) -> dict[str, Any]:
        """Describe it in JSON's types."""
        return {"kind": self.kind, "length": self.length, "tokenizer": self.tokenizer.to_dict()}

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> TextPreprocessing:
        """Make it from its fields."""
        return cls(SubwordTokenizer.from_dict(fields["tokenizer"]), fields["length"])
