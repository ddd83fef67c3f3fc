"""Texts: strings of any length, cut into tokens and padded to a window."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast, get_args

import numpy as np
from numpy.typing import NDArray

from unlabeled.counted import counted
from unlabeled.data.instances import Instances
from unlabeled.data.paths import folder_of_encoder, holds_suffix
from unlabeled.data.plain_text import encoding_of
from unlabeled.data.tabular.columns import find_column
from unlabeled.data.tabular.tables import delimiter_of, is_frame
from unlabeled.data.text.json_lines import LINES_OF_JSON
from unlabeled.data.text.text_columns import PAIR_COLUMNS, TEXT_COLUMNS, first_given
from unlabeled.data.text.text_tables import TABLES_OF_TEXT, is_string
from unlabeled.data.text.texts import Texts, is_text_file
from unlabeled.data.text.tokenization.checkpoint_folder import find_checkpoint, tokenizer_of
from unlabeled.data.text.tokenization.subword_tokenizer import Kind, SubwordTokenizer
from unlabeled.data.text.tokenization.tokenizers import tokenize
from unlabeled.errors import UnlabeledError, nearest_name, unknown_name
from unlabeled.files import read_json
from unlabeled.modalities.modality import Modality, OnError
from unlabeled.modalities.preprocessing import Preprocessing

if TYPE_CHECKING:
    from unlabeled.data.text.tokenization.tokens import Tokens
    from unlabeled.views import View

LENGTH, VOCABULARY = 128, 8000
"""Tokens of a text, and of a vocabulary, where nobody says otherwise."""
WINDOW = 16
"""Tokens of a window over a text, where nobody says otherwise."""
BASELINE_WORDS = 2000
EXCERPT = 200
"""Characters of a text that are shown."""


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
    length: int = LENGTH

    def __post_init__(self) -> None:
        if self.length < self.tokenizer.tokens_added_to_pair + 2:
            raise UnlabeledError(f"a length of {self.length} tokens has no room for a text beside the special tokens")

    @property
    def shape(self) -> tuple[int, ...]:
        """(length,)."""
        return (self.length,)

    def check_fits(self, given: Preprocessing, what: str) -> None:
        """Refuse data of another kind, and texts that were cut by another tokenizer; their length may differ."""
        if not isinstance(given, TextPreprocessing):
            super().check_fits(given, what)
        elif given.tokenizer != self.tokenizer:
            raise UnlabeledError(f"the texts were cut by another tokenizer than that of {what}; give the texts uncut")

    def canonical(self, values: Any) -> Any:
        """Give the tokens of a batch as they are: they need no scaling."""
        return values

    @property
    def usual_window(self) -> int:
        """Tokens of a window where nobody says otherwise: 16, about a sentence, or half of a shorter text."""
        return min(WINDOW, self.length // 2)

    def usual_stride(self, size: int) -> int:
        """Give a whole window: words that two windows share would tell which is the next."""
        return size

    def part(self, size: int) -> TextPreprocessing:
        """Give that of a stretch of `size` tokens."""
        return replace(self, length=size)

    def cut(self, values: Tokens, size: int, stride: int) -> Tokens:
        """Cut texts into stretches of tokens, shape (n, stretches, 1, size).

        No token at the end is left out: the last stretch is padded.
        """
        from torch.nn import functional

        from unlabeled.data.text.tokenization.tokens import Tokens

        ids, mask = values
        beyond = ids.shape[1] - size
        room = -beyond % stride if beyond > 0 else -beyond
        ids, mask = functional.pad(ids, (0, room), value=self.tokenizer.pad), functional.pad(mask, (0, room))
        return Tokens(*(part.unfold(1, size, stride)[:, :, None] for part in (ids, mask)))

    def to_dict(self) -> dict[str, Any]:
        """Describe it in JSON's types, the tokenizer with all its tokens."""
        return {"kind": self.kind, "length": self.length, "tokenizer": self.tokenizer.to_dict()}

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """Make it from its fields."""
        return cls(SubwordTokenizer.from_dict(fields["tokenizer"]), fields["length"])


class TextModality(Modality):
    """Texts, pairs and triples of texts: text files, tables with a column of texts, lists of strings."""

    name: ClassVar[str] = "text"
    encoder: ClassVar[str] = "transformer"
    can_be_averaged: ClassVar[bool] = False
    settings: ClassVar[tuple[str, ...]] = ("tokenizer", "tokenizer_kind", "vocabulary", "length")
    formats: ClassVar[str] = "a folder of .txt, .txt (a text a line), .jsonl, or .csv, .tsv, .parquet with texts"

    def accepts(self, source: Any) -> bool:
        """Take files and folders of texts, tables that have a column of texts, and lists of strings."""
        if isinstance(source, os.PathLike):
            return _is_path_of_texts(Path(source))
        if hasattr(source, "column_names"):
            return True
        if is_frame(source):
            return _names_texts([str(name) for name in source.columns])
        if getattr(source, "ndim", 1) != 1 or isinstance(source, (str, bytes, Mapping)):
            return False
        first = first_given(source) if hasattr(source, "__len__") and hasattr(source, "__iter__") else None
        if isinstance(first, (tuple, list)):
            texts = isinstance(first_given(first), str) and all(isinstance(first_given([t]), str | None) for t in first)
            return texts and len(first) in (2, 3)
        return isinstance(first, str)

    def can_open(self, source: Any) -> bool:
        """Take any table, any list and any iterator: if no texts can be read from it, the error says why."""
        if isinstance(source, os.PathLike):
            return self.accepts(source) or Path(source).suffix.lower() in TABLES_OF_TEXT
        listed = isinstance(source, list | tuple) and len(source) > 0
        return self.accepts(source) or hasattr(source, "columns") or listed or isinstance(source, Mapping | Iterator)

    def open(self, source: Any) -> Texts:
        """Open texts."""
        return Texts(source)

    def admit(self, source: Any, settings: Any, first: bool) -> Any:
        """Open texts, from the column and in the units that the settings name."""
        if getattr(source, "kind", None) == self.name:
            return source
        # What comes after learning, such as a text to embed, need not be a table or a file as the source was.
        column: Any = getattr(settings, "column", None) if first or _has_columns(source) else None
        unit: Any = getattr(settings, "unit", "line") if first or is_text_file(source) else "line"
        if column is not None and "," in column:
            column = [name.strip() for name in column.split(",")]
        return Texts(source, column=column, unit=unit)

    def prepare(
        self, data: Any, settings: Any, preprocessing: Any = None, on_error: OnError = "raise"
    ) -> tuple[Instances, Preprocessing]:
        """Cut the texts into tokens: by the encoder's own tokenizer if it has one, else by one trained on them."""
        if preprocessing is None:
            known = getattr(data, "tokenizer", None)
            own = _of_encoder(settings)
            if own is not None:
                if (asked := getattr(settings, "tokenizer", "auto")) != "auto" and str(asked) != str(settings.encoder):
                    raise UnlabeledError(f"the encoder brings its own tokenizer; leave out tokenizer={str(asked)!r}")
                _check_no_vocabulary(settings, "the encoder brings its own tokenizer")
            preprocessing = (own or (TextPreprocessing(known, data.length) if known is not None else None)) or _trained(
                data, settings
            )
        if not hasattr(data, "tokenize"):  # it is cut already
            if data.tokenizer != preprocessing.tokenizer:
                raise UnlabeledError("the texts were cut by another tokenizer than the encoder's; give the texts")
            return data, preprocessing
        return data.tokenize(preprocessing.tokenizer, preprocessing.length), preprocessing

    @property
    def views(self) -> Mapping[str, Callable[[], View]]:
        """A stretch of the text, or some of its tokens deleted: a tenth in the weak view, half in the strong one."""
        from unlabeled.views.text import TokenCrop, TokenDeletion

        return {
            "auto": TokenCrop,
            "crop": TokenCrop,
            "deletion": TokenDeletion,
            "weak": lambda: TokenDeletion(p=0.1),
            "strong": lambda: TokenDeletion(p=0.5),
        }

    def baseline(self, instances: Any, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Give the weights (TF-IDF) of the 2,000 commonest words of the texts."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        texts = [" ".join(column[row] for column in instances.columns) for row in rows]
        try:
            weights = TfidfVectorizer(
                max_features=BASELINE_WORDS, sublinear_tf=True, tokenizer=tokenize, token_pattern=None
            )
            found = weights.fit_transform(texts)
        except ValueError:  # not one word in all the texts
            return np.zeros((len(rows), 1), dtype=np.float32)
        return np.asarray(found.toarray(), dtype=np.float32)

    def describe(self, data: Any, row: int) -> str:
        """Give the beginning of a text."""
        text = " / ".join(" ".join(column[row].split()) for column in data.columns)
        return text if len(text) <= EXCERPT else text[: EXCERPT - 1].rstrip() + "…"

    def whole_texts(self, data: Any) -> list[str]:
        """Give each text; of pairs and triples all of them, one after the other."""
        return [" ".join(row) for row in zip(*data.columns, strict=True)]

    def summary(self, data: Any, instances: Any) -> str:
        """Say how many texts there are, and how they were cut."""
        what = {1: "text", 2: "pair of texts", 3: "triple of texts"}[len(instances.columns)]
        count = counted(len(instances), what) if len(instances.columns) == 1 else f"{len(instances):,} × {what}"
        return f"{count} in {len(instances.tokenizer):,} different tokens from {data.source}"

    def accepts_query(self, query: Any) -> bool:
        """Take any text as a query."""
        return True

    def opens_file(self, query: Any) -> bool:
        """Open none: a query is a text."""
        return False

    def open_query(self, query: Any) -> Texts:
        """Take the text that is asked for, or a list of texts."""
        return Texts([query] if isinstance(query, str) else list(query))


def _is_path_of_texts(path: Path) -> bool:
    suffix = path.suffix.lower()
    if path.is_dir():
        return holds_suffix(path, (".txt", ".md"))
    if suffix in (".txt", ".md", *LINES_OF_JSON):
        return True
    if suffix == ".parquet":
        from unlabeled.data.tabular.parquet import schema_of

        return _names_texts([field.name for field in schema_of(path) if is_string(field.type)])
    if suffix in (".csv", ".tsv"):
        with path.open(encoding=encoding_of(path), errors="replace") as file:
            header = file.readline()
        return _names_texts(next(csv.reader([header], delimiter=delimiter_of(path, header)), []))
    return False


def _has_columns(source: Any) -> bool:
    """Tell a table from other texts."""
    if isinstance(source, os.PathLike):
        return Path(source).suffix.lower() in TABLES_OF_TEXT
    return hasattr(source, "columns") or hasattr(source, "column_names") or isinstance(source, Mapping)


def _names_texts(columns: list[str]) -> bool:
    """Tell whether a table has columns that hold texts by their names."""
    pairs = any(all(find_column(columns, (name,)) is not None for name in pair) for pair in PAIR_COLUMNS)
    return find_column(columns, TEXT_COLUMNS) is not None or pairs


def _of_encoder(settings: Any) -> TextPreprocessing | None:
    """Give the preprocessing that the encoder asked for brings with it, if it does."""
    encoder = getattr(settings, "encoder", "auto")
    if isinstance(encoder, str | os.PathLike):
        encoder = os.fspath(encoder)
        name, _, rest = encoder.partition(":")
        if name == "clip_text" and rest:
            from unlabeled.data.pairs.clip_checkpoint import read_clip_checkpoint

            found = read_clip_checkpoint(rest)
            return _of_clip(settings, TextPreprocessing(found.tokenizer, found.length))
        if name == "transformers" and rest:
            own = TextPreprocessing(*tokenizer_of(rest))
            return _within(settings, own, own.length)
        folder = folder_of_encoder(encoder)
        if (folder / "encoder.json").exists():
            description = read_json(folder / "encoder.json")
            saved = Preprocessing.from_dict(description["preprocessing"])
            about = description.get("encoder", {})
            return _own(saved, about.get("architecture"), about.get("length"), settings)
        return None
    return _own(encoder.preprocessing, encoder.architecture, getattr(encoder, "length", None), settings)


def _own(saved: Any, architecture: Any, window: Any, settings: Any) -> TextPreprocessing | None:
    """Give the preprocessing of a trained encoder with the length that was asked for."""
    if not isinstance(saved, TextPreprocessing):
        return None
    if architecture == "clip_text":
        return _of_clip(settings, saved)
    return _within(settings, saved, window if isinstance(window, int) else saved.length)


def _of_clip(settings: Any, own: TextPreprocessing) -> TextPreprocessing:
    """Give the preprocessing of a text tower of CLIP, whose texts have one length, and refuse another."""
    asked, usual = _length_asked(settings)
    if asked not in (None, usual, own.length):
        raise UnlabeledError(f"texts of this encoder have {own.length} tokens, no more and no less; leave out length")
    return own


def _within(settings: Any, own: TextPreprocessing, window: int) -> TextPreprocessing:
    """Cut texts at the length that was asked for, which is at most the window of the encoder.

    Raises
    ------
    UnlabeledError
        If more was asked for. The length that a method has where nobody says otherwise may be more.
    """
    asked, usual = _length_asked(settings)
    asked = asked or own.length
    if asked > window and asked != usual:
        raise UnlabeledError(f"the encoder has a window of {window} tokens; a length of {asked} is beyond it")
    return TextPreprocessing(own.tokenizer, min(asked, window))


def _length_asked(settings: Any) -> tuple[int | None, int | None]:
    """Give the length that settings ask for, and what it is where nobody says otherwise."""
    usual = getattr(settings, "usual_length", getattr(type(settings), "length", None))
    return getattr(settings, "length", None) or None, usual


def _check_no_vocabulary(settings: Any, why: str) -> None:
    """Refuse the size of a vocabulary where none is learnt."""
    size = getattr(settings, "vocabulary", None)
    if size not in (None, VOCABULARY):
        raise UnlabeledError(f"vocabulary={size!r} is for a tokenizer that is trained, and {why}; leave it out")


def _trained(data: Texts, settings: Any) -> TextPreprocessing:
    """Train a tokenizer on the texts, or take that of the checkpoint which the settings name."""
    kind = os.fspath(getattr(settings, "tokenizer", "auto"))
    length = getattr(settings, "length", None) or LENGTH
    if kind == "auto":
        kind = getattr(settings, "tokenizer_kind", "wordpiece")
    if kind not in (known := get_args(Kind)):
        if isinstance(find_checkpoint(kind), str) and "/" not in kind and nearest_name(kind, known):
            raise unknown_name("tokenizer", kind, ["auto", *known, "the folder of a checkpoint"])
        _check_no_vocabulary(settings, f"{kind!r} is a trained one")
        return TextPreprocessing(tokenizer_of(kind)[0], length)
    size = getattr(settings, "vocabulary", None) or VOCABULARY
    return TextPreprocessing(data.train_tokenizer(cast("Kind", kind), size), length)
