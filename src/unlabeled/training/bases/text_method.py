"""What the methods for texts share: a tokenizer, a window, and a network of a given size."""

from __future__ import annotations

import os
from typing import Any, ClassVar, Literal, cast

import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from unlabeled.data.instances import Instances
from unlabeled.data.text.tokenization.subword_tokenizer import Kind
from unlabeled.data.text.tokenization.tokenized import TokenizedTexts
from unlabeled.encoders import Encoder
from unlabeled.encoders.encoder import from_description
from unlabeled.encoders.text.transformer import Transformer
from unlabeled.errors import UnlabeledError
from unlabeled.modalities import open_instances
from unlabeled.setting_checks import check_whole_settings
from unlabeled.training.bases.self_supervised import SelfSupervised
from unlabeled.training.length_buckets import LengthBuckets
from unlabeled.training.plan import Plan
from unlabeled.training.samplers import Sampler

DROPOUT = 0.1
"""Of a network of our own, where nobody says otherwise."""


class TextMethod(SelfSupervised):
    """Base of the methods that learn from texts and from nothing else.

    Parameters
    ----------
    tokenizer : str or path, default "auto"
        ``"wordpiece"``, ``"bpe"`` or ``"characters"``: trained on the texts. A folder of a checkpoint: its tokenizer.
        ``"auto"`` takes what suits the method, or the tokenizer of the encoder if that brings one.
    vocabulary : int, default 8000
        Most tokens of a trained tokenizer.
    column : str, optional
        Of a table, the column of texts, where it is not plain; two or three with commas between them for pairs and
        triples.
    unit : {"line", "paragraph", "file"}, default "line"
        What is one text in a text file.
    length : int, default 128
        Tokens of a window; of a longer text the rest is cut off where a vector is made of it. With a trained encoder at
        most its window, to which the default is lowered.
    dim, layers, heads : int, default 256, 4, 4
        Size of the network that ``encoder="auto"`` makes: width, layers, attention heads.
    dropout : float, optional
        Of the network, in training; by default 0.1, and of another encoder what it has.
    """

    modalities: ClassVar[tuple[str, ...]] = ("text",)
    tokenizer_kind: ClassVar[Kind] = "wordpiece"
    needs_mask: ClassVar[bool] = False

    batch_size: int = 64
    tokenizer: str | os.PathLike[str] = "auto"
    vocabulary: int = 8000
    column: str | None = None
    unit: Literal["line", "paragraph", "file"] = "line"
    length: int = 128
    dim: int = 256
    layers: int = 4
    heads: int = 4
    dropout: float | None = None

    @property
    def sizes(self) -> dict[str, Any]:
        """What a transformer of the asked size is made with."""
        return {"dim": self.dim, "layers": self.layers, "heads": self.heads, "dropout": self.usual_dropout}

    @property
    def usual_dropout(self) -> float:
        """The dropout that was asked for, or what it is by default."""
        return DROPOUT if self.dropout is None else self.dropout

    def own_encoder(self, preprocessing: Any) -> Encoder:
        """Make the encoder that ``"auto"`` stands for."""
        return Transformer(preprocessing, **self.sizes)

    def idle_settings(self) -> list[tuple[tuple[str, ...], str]]:
        """Name the sizes, where another encoder has its own."""
        why = "is for the network that encoder='auto' makes, and another encoder is given"
        return [] if self.encoder == "auto" else [(("dim", "layers", "heads"), why)]

    def prepare(self, preprocessing: Any) -> None:
        """Take the tokenizer, and see that it has what the method needs."""
        super().prepare(preprocessing)
        check_whole_settings(self, "vocabulary", "length", "dim", "layers", "heads")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise UnlabeledError(f"dropout is a share, at least 0 and below 1, got {self.dropout!r}")
        self._lengths: torch.Tensor | None = None
        self.tokenizer_ = preprocessing.tokenizer
        if self.needs_mask:
            self.tokenizer_.special_id("mask")

    def sampler(self, plan: Plan, labels: NDArray[Any]) -> Sampler:
        """Say which texts meet: those of about the same length, where texts differ in that."""
        lengths = self._lengths
        return super().sampler(plan, labels) if lengths is None else LengthBuckets(plan, lengths)

    def training_instances(self, instances: Any) -> Instances:
        """Learn from the texts themselves, in batches of about one length."""
        self._lengths = torch.from_numpy(instances.lengths)
        return super().training_instances(instances)

    def _encoder_specification(self, preprocessing: Any) -> str | os.PathLike[str] | Encoder:
        return self.own_encoder(preprocessing) if self.encoder == "auto" else self.encoder

    def _make_encoder(self, preprocessing: Any) -> Encoder:
        made = super()._make_encoder(preprocessing)
        return made if self.encoder == "auto" or self.dropout is None else with_dropout(made, self.dropout)

    def check_fitted(self) -> None:
        """Raise scikit-learn's error if nothing has been learnt yet."""
        check_is_fitted(self, "encoder_")

    def open(self, X: Any) -> TokenizedTexts:
        """Cut texts as those that were learnt from."""
        instances, _ = open_instances(X, self, self.encoder_.preprocessing)
        return cast("TokenizedTexts", instances)

    def all_texts(self, instances: TokenizedTexts) -> list[str]:
        """Give the texts whole; of pairs and triples all of them, one after the other."""
        return [text for column in instances.columns for text in column]


def with_dropout(encoder: Encoder, rate: float) -> Encoder:
    """Give an encoder with the same weights and another rate of dropout.

    Raises
    ------
    UnlabeledError
        If it has no dropout that could be set.
    """
    description = encoder.describe()
    changed = _with_rate(description, rate)
    if changed == _with_rate(description, -1.0):
        raise UnlabeledError(
            f"dropout={rate!r} cannot be set in the encoder, of architecture {encoder.architecture!r}; leave it out"
        )
    made = from_description(changed, encoder.preprocessing)
    made.load_state_dict(encoder.state_dict())
    return made


def _with_rate(description: dict[str, Any], rate: float) -> dict[str, Any]:
    """Put a rate in place of each that a description has, also in the configuration of a transformers model."""
    return {
        key: _with_rate(value, rate)
        if isinstance(value, dict)
        else rate
        if str(key).endswith(("dropout", "dropout_prob", "pdrop")) and isinstance(value, int | float)
        else value
        for key, value in description.items()
    }
