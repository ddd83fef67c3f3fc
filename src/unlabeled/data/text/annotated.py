"""Texts with something written into them: tags of words, and answers to questions."""

from __future__ import annotations

import os
import string
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unlabeled.data.batch import Batch
from unlabeled.data.classes import class_name
from unlabeled.data.instances import prefetched
from unlabeled.data.paths import existing
from unlabeled.data.text.text_columns import TABLES_OF_TEXT, read_columns
from unlabeled.data.text.tokenization.subword_tokenizer import SubwordTokenizer
from unlabeled.data.text.tokenization.tokenized import by_length
from unlabeled.data.text.tokenization.tokens import padded
from unlabeled.errors import UnlabeledError
from unlabeled.files import read_json

IGNORED = -100
"""The target of a token that no loss counts."""

TAG_COLUMNS = ("tags", "ner_tags", "ner", "chunk_tags", "chunk", "pos_tags", "pos")

_QUESTION = 64
"""Tokens of a question at most."""


@dataclass
class Rows:
    """Rows of tokens that are ready for a network, special tokens included; satisfies what encoding reads.

    Attributes
    ----------
    tokenizer : SubwordTokenizer
    rows : list of ndarray of int32
    owner : list of int
        The text that each row is a window of.
    first : list of int
        The place in a row where the text, or the context, begins.
    begin : list of int
        The number of the token that stands there.
    """

    kind: ClassVar[str] = "text"

    tokenizer: SubwordTokenizer
    rows: list[NDArray[np.int32]] = field(default_factory=list)
    owner: list[int] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    begin: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each row."""
        return np.array([len(row) for row in self.rows], dtype=np.int64)

    def gather(self, indices: Tensor) -> Batch:
        """Give the rows at `indices` as one padded batch; values are `Tokens`."""
        values = padded([self.rows[i] for i in indices.tolist()], self.tokenizer.pad)
        return Batch(values, torch.full_like(indices, -1), indices)

    def batches(self, index_batches: Iterable[Tensor], prefetch: int = 2) -> Iterator[Batch]:
        """Give `gather` of each of `index_batches` in turn, fetched ahead."""
        return prefetched(self.gather, index_batches, prefetch)

    def even_batches(self, size: int, tokens: int | None = None) -> list[Tensor]:
        """Give all positions in batches of rows of about one length, see `by_length`."""
        return by_length(self.lengths, size, tokens)


def windows_with_stride(count: int, room: int) -> list[tuple[int, int]]:
    """Cut `count` tokens into windows of `room` that overlap by half; give where each begins and ends.

    Examples
    --------
    >>> windows_with_stride(10, 6)
    [(0, 6), (3, 9), (6, 10)]
    """
    if count <= room:
        return [(0, count)]
    starts = range(0, count - room + max(1, room // 2), max(1, room // 2))
    return [(start, min(start + room, count)) for start in starts]


def pair_rows(columns: tuple[list[str], ...], tokenizer: SubwordTokenizer, length: int) -> Rows:
    """Put each text, or both texts of each pair, into one row, so that a network reads them together."""
    parts = [tokenizer.encode(column, limit=length) for column in columns]
    rows = Rows(tokenizer)
    for place, row in enumerate(zip(*parts, strict=True)):
        if len(row) > 2:
            raise UnlabeledError("a row has three texts; give one or two")
        if len(row) == 1:
            rows.rows.append(tokenizer.with_special_tokens(row[0], length))
        else:
            rows.rows.append(tokenizer.pair_with_special_tokens(row[0], row[1], length))
        rows.owner.append(place)
    return rows


@dataclass
class TaggedWords:
    """Sentences in words, cut into tokens; of a word only the first token is tagged.

    Attributes
    ----------
    rows : Rows
        One a sentence, or several that overlap by half where a sentence is longer than the window.
    heads : list of ndarray of int64
        For each row the word whose first token stands at a place, and −1 at all other places.
    words : list of int
        The number of words of each sentence.
    """

    rows: Rows
    heads: list[NDArray[np.int64]]
    words: list[int]

    @classmethod
    def cut(cls, sentences: Sequence[Sequence[str]], tokenizer: SubwordTokenizer, length: int) -> TaggedWords:
        """Cut sentences, each a list of words, into tokens."""
        made = cls(Rows(tokenizer), [], [len(words) for words in sentences])
        before = len(tokenizer.with_special_tokens(np.empty(0, np.int32), length)) - len(tokenizer.closing_tokens)
        room = length - tokenizer.tokens_added
        for number, words in enumerate(sentences):
            if isinstance(words, str):
                raise UnlabeledError(f"sentence {number} is a string; for tags give each sentence as a list of words")
            ids, of_word = tokenizer.encode_words(list(words))
            starts = np.flatnonzero(np.diff(of_word, prepend=-1) > 0)
            heads = np.full(len(ids), -1, dtype=np.int64)
            heads[starts] = of_word[starts]
            for begin, end in windows_with_stride(len(ids), room):
                made.rows.rows.append(tokenizer.with_special_tokens(ids[begin:end], length))
                made.rows.owner.append(number)
                made.rows.first.append(before)
                made.rows.begin.append(begin)
                row = np.full(len(made.rows.rows[-1]), -1, dtype=np.int64)
                row[before : before + end - begin] = heads[begin:end]
                made.heads.append(row)
        return made

    def targets(self, tags: Sequence[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
        """Give the tag of each token's word at first tokens, and `IGNORED` elsewhere."""
        found = []
        for owner, heads in zip(self.rows.owner, self.heads, strict=True):
            known = np.append(tags[owner], IGNORED)  # so that place −1 is ignored
            found.append(np.where(heads >= 0, known[heads], IGNORED))
        return found

    def of_words(self, scores: Sequence[NDArray[np.float32] | None], width: int) -> list[NDArray[np.float32]]:
        """Give the scores of each sentence's words, from the window in which a word stands nearest to the middle.

        A word without a token, such as one of white space, has scores of zero, and so have those of a row without
        scores. `width` is the number of tags.
        """
        found = [np.zeros((count, width), dtype=np.float32) for count in self.words]
        best = [np.full(count, -1) for count in self.words]
        for owner, heads, score in zip(self.rows.owner, self.heads, scores, strict=True):
            if score is None:
                continue
            for place in np.flatnonzero(heads >= 0):
                margin, word = min(place, len(heads) - 1 - place), heads[place]
                if margin > best[owner][word]:
                    best[owner][word], found[owner][word] = margin, score[place]
        return found


@dataclass
class Questions:
    """Questions with their contexts in one row; a context longer than the window has several rows.

    Attributes
    ----------
    rows : Rows
    places : list of ndarray of int64, shape (tokens, 2)
        For each question where in its context the tokens begin and end, in characters.
    """

    rows: Rows
    places: list[NDArray[np.int64]]

    @classmethod
    def cut(cls, pairs: Sequence[tuple[str, str]], tokenizer: SubwordTokenizer, length: int) -> Questions:
        """Cut (question, context) pairs into tokens."""
        questions = tokenizer.encode([question for question, _ in pairs], limit=min(_QUESTION, length // 3))
        contexts = tokenizer.encode_with_places([context for _, context in pairs])
        made = cls(Rows(tokenizer), [places for _, places in contexts])
        for number, (question, (ids, _)) in enumerate(zip(questions, contexts, strict=True)):
            room = length - tokenizer.tokens_added_to_pair - len(question)
            for begin, end in windows_with_stride(len(ids), room):
                row = tokenizer.pair_with_special_tokens(question, ids[begin:end], length)
                made.rows.rows.append(row)
                made.rows.owner.append(number)
                made.rows.first.append(len(row) - (end - begin) - len(tokenizer.closing_tokens))
                made.rows.begin.append(begin)
        return made

    def targets(self, spans: Sequence[tuple[int, int] | None]) -> list[NDArray[np.int64]]:
        """Give the places of the first and the last token of each answer; both 0 where a window does not hold it.

        Parameters
        ----------
        spans : sequence of (int, int) or None
            Where each answer begins and ends in its context, in characters.
        """
        found = []
        for row, owner, first, begin in zip(
            self.rows.rows, self.rows.owner, self.rows.first, self.rows.begin, strict=True
        ):
            span, places, target = spans[owner], self.places[owner], (0, 0)
            count = len(row) - first - len(self.rows.tokenizer.closing_tokens)
            if span is not None and span[1] > span[0]:
                inside = np.flatnonzero((places[:, 1] > span[0]) & (places[:, 0] < span[1]))
                if len(inside) and begin <= inside[0] and inside[-1] < begin + count:
                    target = (first + int(inside[0]) - begin, first + int(inside[-1]) - begin)
            found.append(np.array(target, dtype=np.int64))
        return found


def sentence_tags(words: Sequence[str], tags: Any, place: int) -> list[str] | None:
    """Read the tags of a sentence; None if it has none: None, NaN, −1 or the empty string in their place.

    Raises
    ------
    UnlabeledError
        If there is not one tag a word.
    """
    if not hasattr(tags, "__len__") or isinstance(tags, str):
        if class_name(tags) is None:
            return None
        raise UnlabeledError(f"sentence {place} has {tags!r:.40} for tags; give a list, with a tag for each word")
    if len(words) != len(tags):
        raise UnlabeledError(f"sentence {place} has {len(words)} words but {len(tags)} tags")
    names = [class_name(tag) for tag in tags]
    if len(names) and all(name is None for name in names):
        return None
    for word, name in zip(words, names, strict=True):
        if name is None:
            raise UnlabeledError(
                f"sentence {place} has no tag for its word {word!r:.40}; give all its tags, or None in their place"
            )
    return [name for name in names if name is not None]


def given_answers(answer: Any) -> list[tuple[str, int]]:
    """Read answers to a question: (text, beginning), SQuAD's ``{"text": [...], "answer_start": [...]}``, or None.

    Examples
    --------
    >>> given_answers({"text": ["a dog", "dog"], "answer_start": [4, 6]})
    [('a dog', 4), ('dog', 6)]
    >>> given_answers(None)
    []
    """
    if isinstance(answer, dict):
        texts, starts = answer.get("text", []), answer.get("answer_start", [])
        return [(texts, starts)] if isinstance(texts, str) else list(zip(texts, starts, strict=True))
    if answer is None or isinstance(answer, float) or answer == "":
        return []
    text, start = answer
    return [(text, start)]


def answer_span(answer: Any, context: str, row: int) -> tuple[int, int] | None:
    """Give where the first answer begins and ends in its context, see `given_answers`; None where there is none.

    Raises
    ------
    UnlabeledError
        If the answer does not stand there in the context.
    """
    given = given_answers(answer)
    if not given:
        return None
    text, start = given[0]
    if context[start : start + len(text)] != text:
        raise UnlabeledError(
            f"question {row}: the answer {text!r:.60} does not stand at character {start} of its context"
        )
    return start, start + len(text)


def read_conll(path: str | os.PathLike[str], tag: int = -1) -> tuple[list[list[str]], list[list[str]]]:
    """Read sentences with tags: a word a line with its tags after it, blank lines between sentences.

    Parameters
    ----------
    path : path
    tag : int, default -1
        The column of the tag; the last one by default.

    Returns
    -------
    words, tags : list of lists of str
    """
    words: list[list[str]] = [[]]
    tags: list[list[str]] = [[]]
    for number, line in enumerate(existing(path).read_text(encoding="utf-8-sig").splitlines(), start=1):
        cells = line.split()
        if not cells or cells[0] == "-DOCSTART-":
            if words[-1]:
                words.append([])
                tags.append([])
            continue
        if len(cells) < 2 or not -len(cells) <= tag < len(cells):
            raise UnlabeledError(f"{path}, line {number}: {line!r:.60} has no tag in column {tag}")
        words[-1].append(cells[0])
        tags[-1].append(cells[tag])
    filled = [place for place, sentence in enumerate(words) if sentence]
    if not filled:
        raise UnlabeledError(f"there are no sentences in {path}")
    return [words[place] for place in filled], [tags[place] for place in filled]


def read_squad(path: str | os.PathLike[str]) -> tuple[list[tuple[str, str]], list[Any]]:
    """Read questions, contexts and answers from SQuAD's JSON.

    Returns
    -------
    pairs : list of (str, str)
        Questions and contexts.
    answers : list of dict or None
        All answers and where they begin, ``{"text": [...], "answer_start": [...]}``; None where the question cannot be
        answered.
    """
    pairs: list[tuple[str, str]] = []
    answers: list[Any] = []
    try:
        for article in read_json(existing(path))["data"]:
            for paragraph in article["paragraphs"]:
                for asked in paragraph["qas"]:
                    pairs.append((asked["question"], paragraph["context"]))
                    found = [] if asked.get("is_impossible") else asked.get("answers", [])
                    columns = {key: [one[key] for one in found] for key in ("text", "answer_start")}
                    answers.append(columns if found else None)
    except (KeyError, TypeError) as error:
        raise UnlabeledError(f"{path} is not in SQuAD's form: {error!r} is missing") from None
    return pairs, answers


def chunks_of(tags: Sequence[str]) -> set[tuple[int, int, str]]:
    """Give the stretches that B-, I-, E- and S- tags mark: beginning, end, and kind.

    A stretch also begins where an I- follows nothing or another kind, as in the evaluation of CoNLL.

    Examples
    --------
    >>> sorted(chunks_of(["B-NP", "I-NP", "O", "I-VP", "B-VP"]))
    [(0, 2, 'NP'), (3, 4, 'VP'), (4, 5, 'VP')]
    """
    found: set[tuple[int, int, str]] = set()
    start, kind = 0, ""
    for place, tag in enumerate([*tags, "O"]):
        prefix, _, name = tag.partition("-")
        begins = prefix in ("B", "S") or name != kind
        if kind and (begins or prefix == "O"):
            found.add((start, place, kind))
            kind = ""
        if prefix != "O" and begins:
            start, kind = place, name
    return found


def entity_f1(truth: Sequence[Sequence[str]], found: Sequence[Sequence[str]]) -> float:
    """Give the F1 of whole stretches: each counts only with its right beginning, end and kind.

    Examples
    --------
    >>> entity_f1([["B-NP", "I-NP", "O"]], [["B-NP", "O", "O"]])  # two of three tags are right, no stretch is
    0.0
    """
    right = wanted = given = 0
    for one, other in zip(truth, found, strict=True):
        a, b = chunks_of(one), chunks_of(other)
        right, wanted, given = right + len(a & b), wanted + len(a), given + len(b)
    return 2 * right / (wanted + given) if wanted + given else 1.0


def answer_f1(truth: str, found: str) -> float:
    """Give the F1 of the words of two answers, as SQuAD counts: without case, ASCII's punctuation, and articles.

    Examples
    --------
    >>> answer_f1("the Eiffel Tower", "Eiffel tower in Paris")
    0.6666666666666666
    """

    def words(text: str) -> list[str]:
        plain = text.lower().translate(str.maketrans("", "", string.punctuation))
        return [word for word in plain.split() if word not in ("a", "an", "the")]

    one, other = words(truth), words(found)
    if not one or not other:
        return float(one == other)
    common = sum((Counter(one) & Counter(other)).values())
    return 2 * common / (len(one) + len(other))


def read_annotated(path: str | os.PathLike[str], task: str) -> tuple[list[Any], list[Any] | None]:
    """Read a file of tagged sentences or of questions.

    Parameters
    ----------
    path : path
        For tags, a text file in CoNLL's form, or a table with a column ``tokens`` (or ``words``) of lists and one of
        tags (``tags``, ``chunk``, ``ner`` or ``pos``). For answers, SQuAD's JSON, or a table with ``question``,
        ``context``, and ``answers`` as in SQuAD or ``answer`` and ``answer_start``. Without ``answer_start`` an answer
        is where it first stands in its context.
    task : {"tags", "span"}

    Returns
    -------
    X : list
        Lists of words, or (question, context) pairs.
    y : list or None
        Lists of tags, or answers; None where the table has none.
    """
    path = existing(path)
    if path.suffix.lower() not in TABLES_OF_TEXT:
        return read_conll(path) if task == "tags" else read_squad(path)
    columns = read_columns(path)
    names = {name.lower(): name for name in columns}
    wanted = ("tokens", "tags") if task == "tags" else ("question", "context")
    if task == "tags":
        words = next((names[name] for name in ("tokens", "words") if name in names), None)
        tags = next((names[name] for name in TAG_COLUMNS if name in names), None)
        if words is not None:
            return columns[words], None if tags is None else columns[tags]
    elif all(name in names for name in wanted):
        pairs = list(zip(columns[names["question"]], columns[names["context"]], strict=True))
        if "answer" in names and "answers" not in names:
            starts = columns[names["answer_start"]] if "answer_start" in names else [None] * len(pairs)
            return pairs, _flat_answers(columns[names["answer"]], starts, [context for _, context in pairs])
        return pairs, columns[names["answers"]] if "answers" in names else None
    raise UnlabeledError(f"{path} has no columns {' and '.join(wanted)}; its columns are {', '.join(columns)}")


def _flat_answers(answers: Sequence[Any], starts: Sequence[Any], contexts: Sequence[str]) -> list[Any]:
    """Read answers and where they begin, a cell each; an empty answer is none.

    Raises
    ------
    UnlabeledError
        If a beginning is no whole number, or an answer without one does not stand in its context.
    """
    found: list[Any] = []
    for row, (answer, start, context) in enumerate(zip(answers, starts, contexts, strict=True)):
        if answer is None or not str(answer).strip():
            found.append(None)
            continue
        text = str(answer)
        try:
            place = context.find(text) if start is None or start == "" else int(start)
        except (TypeError, ValueError):
            raise UnlabeledError(f"question {row}: answer_start is {start!r:.40}, not a number of characters") from None
        if place < 0:
            raise UnlabeledError(f"question {row}: the answer {text!r:.60} does not stand in its context")
        found.append((text, place))
    return found
