"""Cutting text into sub-words: a tokenizer trained on the corpus, or the one that belongs to a checkpoint."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.fingerprint import fingerprint
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.files import write_json

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

Kind = Literal["wordpiece", "bpe", "characters"]

SPECIAL = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
"""The special tokens of a tokenizer that is trained here; they have the numbers 0 to 4."""

_CHUNK = 1024
# Languages with thousands of signs would leave no room for anything else.
_MOST_LETTERS = 1000
# A sub-word is rarely longer than this, so the beginning of a text of so many characters holds the tokens needed.
_CHARACTERS_PER_TOKEN = 12


class SubwordTokenizer:
    """A tokenizer with its special tokens.

    Parameters
    ----------
    backend : tokenizers.Tokenizer
        Its truncation and padding are switched off; the data classes do both.
    special : dict of str to str
        The tokens that play the roles ``pad``, ``unk``, ``cls`` (begins a text), ``sep`` (ends one) and ``mask``. Roles
        may be missing, but for ``pad``.

    Examples
    --------
    >>> tokenizer = SubwordTokenizer.train(["low lower lowest", "new newer newest"], size=40)
    >>> ids = tokenizer.encode(["lower newest"])[0]
    >>> tokenizer.decode(ids)
    'lower newest'
    """

    def __init__(self, backend: Tokenizer, special: dict[str, str]) -> None:
        self.backend, self.special = backend, special
        backend.no_truncation()
        backend.no_padding()
        # A text that happens to contain "[MASK]" means these six characters, not the special token.
        backend.encode_special_tokens = True
        missing = [token for token in special.values() if backend.token_to_id(token) is None]
        if missing:
            raise UnlabeledError(f"the tokenizer has no token {missing[0]!r}, which it names as a special one")
        if "pad" not in special:
            raise UnlabeledError("the tokenizer has no token for padding; name one of its tokens 'pad'")

    def __repr__(self) -> str:
        return f"SubwordTokenizer({len(self):,} tokens)"

    def __len__(self) -> int:
        return int(self.backend.get_vocab_size(with_added_tokens=True))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SubwordTokenizer) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        *,
        kind: Kind = "wordpiece",
        size: int = 8000,
        lowercase: bool = True,
    ) -> SubwordTokenizer:
        """Learn a vocabulary from texts.

        Parameters
        ----------
        texts : iterable of str
        kind : {"wordpiece", "bpe", "characters"}, default "wordpiece"
            ``"wordpiece"``: BERT's. ``"bpe"``: byte pair encoding over bytes, which knows every character and gives
            texts back exactly. ``"characters"``: one token a character, texts are given back exactly but for
            characters that were never seen.
        size : int, default 8000
            Most tokens in the vocabulary, special ones included.
        lowercase : bool, default True
            Fold case and accents, for ``"wordpiece"`` only.

        Raises
        ------
        UnlabeledError
            If there is no text, or `kind` is unknown.
        """
        from tokenizers import trainers

        if kind not in get_args(Kind):
            raise unknown_name("kind of tokenizer", kind, get_args(Kind))
        if size <= len(SPECIAL):
            raise UnlabeledError(f"a vocabulary of {size} tokens has no room beside {len(SPECIAL)} special ones")
        backend = _untrained(kind, lowercase)
        common: dict[str, Any] = {"vocab_size": size, "special_tokens": list(SPECIAL.values()), "show_progress": False}
        if kind == "wordpiece":
            _train_wordpiece(backend, texts, size)
        elif kind == "bpe":
            from tokenizers.pre_tokenizers import ByteLevel

            trainer = trainers.BpeTrainer(initial_alphabet=ByteLevel.alphabet(), **common)
            backend.train_from_iterator(texts, trainer)
        else:
            backend.train_from_iterator(texts, trainers.WordLevelTrainer(**common))
        if backend.get_vocab_size() <= len(SPECIAL):
            raise UnlabeledError("no tokenizer can be trained: the texts hold nothing but white space")
        from tokenizers.processors import TemplateProcessing

        pairs = [(token, backend.token_to_id(token)) for token in (SPECIAL["cls"], SPECIAL["sep"])]
        backend.post_processor = TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=pairs
        )
        return cls(backend, dict(SPECIAL))

    @classmethod
    def from_folder(cls, folder: Path | str) -> SubwordTokenizer:
        """Take the tokenizer of a checkpoint of transformers or sentence-transformers.

        Parameters
        ----------
        folder : path or str
            A folder, or a name on the Hugging Face hub.

        Raises
        ------
        UnlabeledError
            If there is no tokenizer there that can be used.
        """
        from transformers import AutoTokenizer

        if not any((Path(folder) / name).exists() for name in _TOKENIZER_FILES) and Path(folder).is_dir():
            raise UnlabeledError(f"{folder} holds no tokenizer: it has none of {', '.join(_TOKENIZER_FILES)}")
        try:
            found: Any = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
        except Exception as error:  # transformers fails in as many ways as there are broken checkpoints
            raise UnlabeledError(f"{folder}: its tokenizer cannot be used: {error}") from error
        return cls.from_transformers(found, str(folder))

    @classmethod
    def from_transformers(cls, found: Any, name: str) -> SubwordTokenizer:
        """Take a tokenizer of transformers; `name` says where it is from.

        Raises
        ------
        UnlabeledError
            If it is not one of the tokenizers library.
        """
        backend = getattr(found, "backend_tokenizer", None)
        if backend is None:
            raise UnlabeledError(f"{name}: its tokenizer cannot be used: it has no form of the tokenizers library")
        names = {
            "pad": found.pad_token or found.eos_token or found.unk_token,
            "unk": found.unk_token,
            "cls": found.cls_token or found.bos_token,
            "sep": found.sep_token or found.eos_token,
            "mask": found.mask_token,
        }
        return cls(backend, {role: token for role, token in names.items() if token is not None})

    def encode(self, texts: Sequence[str], limit: int | None = None) -> list[NDArray[np.int32]]:
        """Cut texts into tokens, without the special ones.

        Parameters
        ----------
        texts : sequence of str
        limit : int, optional
            Tokens wanted of each text at most. Of a text far longer than that only the beginning is read, up to
            white space.

        Returns
        -------
        list of ndarray of int32
        """
        rows: list[NDArray[np.int32]] = []
        for start in range(0, len(texts), _CHUNK):
            part = [_beginning(text, limit) for text in texts[start : start + _CHUNK]]
            encodings = self.backend.encode_batch_fast(part, add_special_tokens=False)
            rows += [np.array(encoding.ids[:limit], dtype=np.int32) for encoding in encodings]
        if limit is not None:
            for place, text in enumerate(texts):
                if len(rows[place]) < limit and len(text) > _CHARACTERS_PER_TOKEN * limit:
                    ids = self.backend.encode(text, add_special_tokens=False).ids
                    rows[place] = np.array(ids[:limit], dtype=np.int32)
        return rows

    def encode_with_places(self, texts: Sequence[str]) -> list[tuple[NDArray[np.int32], NDArray[np.int64]]]:
        """Cut texts into tokens and say where in the text each begins and ends, shape (tokens, 2), in characters."""
        encodings = self.backend.encode_batch(list(texts), add_special_tokens=False)
        return [_placed(encoding) for encoding in encodings]

    def encode_words(self, words: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Cut a sentence that is in words already; give the tokens, and for each the number of its word.

        Tokenizers that cut bytes or characters see the space before a word, as in running text; a token that is nothing
        but this space is of no word and has the number −1.
        """
        given = [f" {word}" if place and self._sees_spaces else word for place, word in enumerate(words)]
        encoding = self.backend.encode(given, is_pretokenized=True, add_special_tokens=False)
        numbers = np.array([-1 if number is None else number for number in encoding.word_ids], dtype=np.int64)
        if self._sees_spaces and len(numbers):
            ends = np.array(encoding.offsets, dtype=np.int64)[:, 1]
            numbers[(numbers > 0) & (ends <= 1)] = -1
        return np.array(encoding.ids, dtype=np.int32), numbers

    @cached_property
    def _sees_spaces(self) -> bool:
        """Whether the space between words is part of the tokens, and is not put there for words that come alone."""
        text = self.backend.encode("a a", add_special_tokens=False).ids
        alone, spaced = (
            self.backend.encode(["a", word], is_pretokenized=True, add_special_tokens=False).ids for word in ("a", " a")
        )
        return bool(text == spaced != alone)

    def encode_marked(self, text: str) -> NDArray[np.int32]:
        """Cut one text in which the names of special tokens, such as ``[MASK]``, stand for these tokens."""
        self.backend.encode_special_tokens = False
        try:
            return np.array(self.backend.encode(text, add_special_tokens=False).ids, dtype=np.int32)
        finally:
            self.backend.encode_special_tokens = True

    def decode(self, ids: Iterable[int]) -> str:
        """Give the text of tokens, without special ones."""
        return str(self.backend.decode([int(i) for i in ids], skip_special_tokens=True))

    def token(self, number: int) -> str:
        """Give the name of a token."""
        return str(self.backend.id_to_token(number))

    def special_id(self, role: str) -> int:
        """Give the number of the token in a role: ``pad``, ``unk``, ``cls``, ``sep`` or ``mask``.

        Raises
        ------
        UnlabeledError
            If the tokenizer has none.
        """
        if role not in self.special:
            raise UnlabeledError(f"this needs a tokenizer with a {role!r} token, and {self!r} has none")
        return self._numbers[role]

    @cached_property
    def _numbers(self) -> dict[str, int]:
        found = {role: self.backend.token_to_id(token) for role, token in self.special.items()}
        return {role: number for role, number in found.items() if number is not None}

    def check_fits(self, rows: int) -> None:
        """Refuse a network with vectors for so many tokens if a token has a higher number: files may say anything.

        Raises
        ------
        UnlabeledError
        """
        if self._highest >= rows:
            raise UnlabeledError(f"the tokenizer numbers a token {self._highest}, but the network has {rows} of them")

    @cached_property
    def _highest(self) -> int:
        return int(max(self.backend.get_vocab(with_added_tokens=True).values()))

    @cached_property
    def pad(self) -> int:
        """The number of the padding token."""
        return self.special_id("pad")

    @cached_property
    def special_ids(self) -> list[int]:
        """The numbers of all special tokens, sorted."""
        added = self.backend.get_added_tokens_decoder()
        special = {int(number) for number, token in added.items() if token.special}
        return sorted(special | set(self._numbers.values()))

    @cached_property
    def _template(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
        """Give what stands before, between and after the texts of a pair."""
        bare = self.backend.encode("a", add_special_tokens=False).ids
        single, pair = self.backend.encode("a").ids, self.backend.encode("a", "a").ids
        start = _position(single, bare)
        end = start + len(bare)
        between = pair[end:][: len(pair) - len(single) - len(bare)]
        before, middle, after = (np.array(part, dtype=np.int32) for part in (single[:start], between, single[end:]))
        return before, middle, after

    @property
    def closing_tokens(self) -> NDArray[np.int32]:
        """The special tokens that end a row."""
        return self._template[2]

    @property
    def tokens_added(self) -> int:
        """How many special tokens are put around one text."""
        before, _, after = self._template
        return len(before) + len(after)

    @property
    def tokens_added_to_pair(self) -> int:
        """How many special tokens are put around and between two texts."""
        return self.tokens_added + len(self._template[1])

    def with_special_tokens(self, ids: NDArray[np.int32], length: int) -> NDArray[np.int32]:
        """Cut tokens off at the end so that they fit into `length` with the special tokens, and put these around."""
        before, _, after = self._template
        return np.concatenate([before, ids[: max(0, length - self.tokens_added)], after])

    def pair_with_special_tokens(
        self, first: NDArray[np.int32], second: NDArray[np.int32], length: int
    ) -> NDArray[np.int32]:
        """Put two texts into one row of at most `length` tokens; the longer one is cut off first."""
        before, between, after = self._template
        room = max(2, length - self.tokens_added_to_pair)
        of_second = min(len(second), max(room // 2, room - len(first)))
        return np.concatenate([before, first[: room - of_second], between, second[:of_second], after])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the definition."""
        return fingerprint([self.backend.to_str(), json.dumps(self.special, sort_keys=True)])

    def to_dict(self) -> dict[str, Any]:
        """Describe it in JSON's types."""
        return {"definition": self.backend.to_str(), "special": self.special}

    @classmethod
    def from_dict(cls, description: dict[str, Any]) -> SubwordTokenizer:
        """Make it again from its description."""
        from tokenizers import Tokenizer

        try:
            backend = Tokenizer.from_str(description["definition"])
        except Exception as error:  # tokenizers raises Exception itself
            raise UnlabeledError(f"the saved tokenizer cannot be read: {error}") from error
        return cls(backend, dict(description["special"]))

    def save(self, folder: Path, length: int) -> None:
        """Write the files that `transformers.AutoTokenizer` reads into an existing folder."""
        (folder / "tokenizer.json").write_text(self.backend.to_str(pretty=False), encoding="utf-8")
        names = {f"{role}_token": token for role, token in self.special.items()}
        write_json(
            folder / "tokenizer_config.json",
            {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": length, **names},
        )


_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "tokenizer.model")


def _train_wordpiece(backend: Any, texts: Iterable[str], size: int) -> None:
    """Train WordPiece such that the same texts always give the same vocabulary.

    The trainer numbers the characters inside words in the order in which a hash table gives them, and breaks ties by
    these numbers. Named as special tokens they come in an order of our own; a second model gets the vocabulary alone.
    """
    from tokenizers import models, trainers

    texts = [backend.normalizer.normalize_str(text) for text in texts]
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    letters = [letter for letter in counts if not letter.isspace()]
    kept = set(sorted(letters, key=lambda letter: (-counts[letter], letter))[:_MOST_LETTERS])
    rare = str.maketrans({letter: " " for letter in letters if letter not in kept})
    inside = [f"##{letter}" for letter in sorted(kept)]
    room = max(size, len(SPECIAL) + len(inside) + len(kept))
    trainer = trainers.WordPieceTrainer(
        vocab_size=room, special_tokens=[*SPECIAL.values(), *inside], show_progress=False
    )
    scratch = _untrained("wordpiece", lowercase=False)
    scratch.train_from_iterator((text.translate(rare) for text in texts), trainer)
    vocabulary = sorted(scratch.get_vocab().items(), key=lambda entry: entry[1])
    backend.model = models.WordPiece(dict(vocabulary), unk_token=SPECIAL["unk"])
    backend.add_special_tokens(list(SPECIAL.values()))


def _untrained(kind: Kind, lowercase: bool) -> Tokenizer:
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    if kind == "wordpiece":
        backend = Tokenizer(models.WordPiece(unk_token=SPECIAL["unk"]))
        backend.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
        backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        backend.decoder = decoders.WordPiece()
    elif kind == "bpe":
        backend = Tokenizer(models.BPE())
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        backend.decoder = decoders.ByteLevel()
    else:
        backend = Tokenizer(models.WordLevel(unk_token=SPECIAL["unk"]))
        backend.pre_tokenizer = pre_tokenizers.Split(Regex("[\\s\\S]"), "isolated")
        backend.decoder = decoders.Fuse()
    return backend


def _beginning(text: str, limit: int | None) -> str:
    """Give as much of a text as holds `limit` tokens in all likelihood, up to white space."""
    if limit is None or len(text) <= (end := _CHARACTERS_PER_TOKEN * limit):
        return text
    space = max(text.rfind(" ", 0, end), text.rfind("\n", 0, end))
    return text[: space if space > 0 else end]


def _placed(encoding: Encoding) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    return np.array(encoding.ids, dtype=np.int32), np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2)


def _position(row: list[int], part: list[int]) -> int:
    return next(i for i in range(len(row) - len(part) + 1) if row[i : i + len(part)] == part)
