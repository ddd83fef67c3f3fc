"""Annotated texts: sentences with a tag for each word, and questions with their answers, from files and lists."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from numbers import Integral
from typing import Any

from unlabeled.data.classes import class_name, is_missing
from unlabeled.data.paths import existing
from unlabeled.data.plain_text import lines_of, read_plain_text
from unlabeled.data.tabular.columns import ID_COLUMNS, find_column
from unlabeled.data.tabular.tables import row_names
from unlabeled.data.text.text_columns import as_texts
from unlabeled.data.text.text_tables import TABLES_OF_TEXT, read_columns
from unlabeled.errors import UnlabeledError
from unlabeled.files import read_json

TAG_COLUMNS = ("tags", "ner_tags", "ner", "chunk_tags", "chunk", "pos_tags", "pos")

COMMENT = "# "
"""What comments begin with, and also a line of the word "#"."""
_UNIVERSAL = 10
"""Cells of a line in CoNLL-U."""


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


def given_answers(answer: Any, row: int) -> list[tuple[str, int]]:
    """Read answers to a question: (text, beginning), SQuAD's ``{"text": [...], "answer_start": [...]}``, or None.

    An empty text is no answer, wherever it begins.

    Raises
    ------
    UnlabeledError
        If it is something else; `row` is the number of the question.

    Examples
    --------
    >>> given_answers({"text": ["a dog", "dog"], "answer_start": [4, 6]}, 0)
    [('a dog', 4), ('dog', 6)]
    >>> given_answers(None, 0), given_answers({"text": [""], "answer_start": [0]}, 0)
    ([], [])
    """
    try:
        if isinstance(answer, dict):
            texts, starts = answer.get("text", []), answer.get("answer_start", [])
            found = [(texts, starts)] if isinstance(texts, str) else list(zip(texts, starts, strict=True))
        else:
            empty = isinstance(answer, str) and not answer.strip()
            missing = empty or (not hasattr(answer, "__len__") and is_missing(answer))
            found = [] if missing else [(text, start) for text, start in [answer]]
    except (TypeError, ValueError):
        found = [(None, None)]
    found = [(text, start) for text, start in found if not isinstance(text, str) or text.strip()]
    for text, start in found:
        whole = isinstance(start, Integral) and not isinstance(start, bool) and int(start) >= 0
        if not isinstance(text, str) or not whole:
            raise UnlabeledError(
                f"question {row}: an answer is its text and the number of the character where it begins, not "
                f"{answer!r:.60}"
            )
    return [(text, int(start)) for text, start in found]


def answer_span(answer: Any, context: str, row: int) -> tuple[int, int] | None:
    """Give where the first answer begins and ends in its context, see `given_answers`; None where there is none.

    Raises
    ------
    UnlabeledError
        If the answer does not stand there in the context.
    """
    given = given_answers(answer, row)
    if not given:
        return None
    text, start = given[0]
    if context[start : start + len(text)] != text:
        raise UnlabeledError(
            f"question {row}: the answer {text!r:.60} does not stand at character {start} of its context"
        )
    return start, start + len(text)


def read_conll(path: str | os.PathLike[str], tag: int = -1) -> tuple[list[list[str]], list[list[str]] | None]:
    """Read sentences with tags: a word a line with its tags after it, blank lines between sentences.

    Tabs part the word and its tags if the line has any, else spaces; a word may hold other white space. Before the
    first word of a sentence, a line that begins with "# " is a comment if it has another number of cells than the next
    line of a word; with the same number it is the word "#".

    Parameters
    ----------
    path : path
    tag : int, default -1
        The column of the tag; the last one by default.

    Returns
    -------
    words : list of lists of str
    tags : list of lists of str or None
        None if no line has more than a word.
    """
    words: list[list[str]] = [[]]
    tags: list[list[str]] = [[]]
    untagged = None
    lines = list(lines_of(read_plain_text(existing(path))))
    rows = [_cells(line) for line in lines]
    following = _widths_of_following(lines, rows)
    for number, (line, cells) in enumerate(zip(lines, rows, strict=True), start=1):
        if not cells:
            if words[-1]:
                words.append([])
                tags.append([])
            continue
        if line.startswith(COMMENT) and not words[-1] and following[number - 1] not in (None, len(cells)):
            continue
        if len(cells) == _UNIVERSAL and "\t" in line and re.fullmatch(r"\d+([-.]\d+)?", cells[0]):
            raise UnlabeledError(
                f"{path}, line {number}: this is CoNLL-U; leave out its comments, and keep its columns of words and "
                "tags, 2 and 4"
            )
        if len(cells) < 2:
            untagged = untagged or f"line {number}: {line!r:.60}"
        elif not -len(cells) <= tag < len(cells):
            raise UnlabeledError(f"{path}, line {number}: {line!r:.60} has no tag in column {tag}")
        else:
            tags[-1].append(cells[tag])
        words[-1].append(cells[0])
    filled = [place for place, sentence in enumerate(words) if sentence]
    if not filled:
        raise UnlabeledError(f"there are no sentences in {path}")
    tagged = any(tags)
    if untagged and tagged:
        raise UnlabeledError(f"{path}, {untagged} has no tag in column {tag}")
    return [words[place] for place in filled], [tags[place] for place in filled] if tagged else None


def _cells(line: str) -> list[str]:
    """Give the word of a line and its tags; nothing for what stands between sentences."""
    cells = [cell for cell in re.split(r"\t" if "\t" in line else " +", line.strip(" \t")) if cell.strip()]
    return [] if cells[:1] == ["-DOCSTART-"] else cells


def _widths_of_following(lines: list[str], rows: list[list[str]]) -> list[int | None]:
    """Give, for each line, how many cells the next one has that holds a word for certain; None if none follows."""
    found: list[int | None] = []
    width = None
    for line, cells in zip(reversed(lines), reversed(rows), strict=True):
        found.append(width)
        if cells and not line.startswith(COMMENT):
            width = len(cells)
    return found[::-1]


def read_squad(path: str | os.PathLike[str]) -> tuple[list[tuple[str, str]], list[Any], list[str]]:
    """Read questions, contexts, answers and ids from SQuAD's JSON.

    Returns
    -------
    pairs : list of (str, str)
        Questions and contexts.
    answers : list of dict or None
        All answers and where they begin, ``{"text": [...], "answer_start": [...]}``; None where the question cannot be
        answered.
    ids : list of str
        What the file calls the questions; the number of one that has no id.
    """
    pairs: list[tuple[str, str]] = []
    answers: list[Any] = []
    ids: list[str] = []
    try:
        for article in read_json(existing(path))["data"]:
            for paragraph in article["paragraphs"]:
                for asked in paragraph["qas"]:
                    ids.append(str(asked.get("id", len(ids))))
                    pairs.append((asked["question"], paragraph["context"]))
                    found = [] if asked.get("is_impossible") else asked.get("answers", [])
                    columns = {key: [one[key] for one in found] for key in ("text", "answer_start")}
                    answers.append(columns if found else None)
    except (KeyError, TypeError, AttributeError) as error:
        raise UnlabeledError(f"{path} is not in SQuAD's form ({error!r})") from None
    if not pairs:
        raise UnlabeledError(f"there are no questions in {path}")
    return pairs, answers, ids


def read_annotated(path: str | os.PathLike[str], task: str) -> tuple[list[Any], list[Any] | None, list[str]]:
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
    ids : list of str
        Those of the file or of a column such as ``id``, else numbers.
    """
    path = existing(path)
    if path.suffix.lower() not in TABLES_OF_TEXT:
        if task == "span":
            return read_squad(path)
        sentences, tagged = read_conll(path)
        return sentences, tagged, [str(i) for i in range(len(sentences))]
    columns = read_columns(path)
    identity = find_column(list(columns), ID_COLUMNS)
    rows = len(next(iter(columns.values())))
    ids = [str(i) for i in range(rows)] if identity is None else row_names(list(columns.values())[identity])
    names = {name.lower(): name for name in columns}
    wanted = ("tokens", "tags") if task == "tags" else ("question", "context")
    if task == "tags":
        words = next((names[name] for name in ("tokens", "words") if name in names), None)
        tags = next((names[name] for name in TAG_COLUMNS if name in names), None)
        if words is not None:
            return columns[words], None if tags is None else columns[tags], ids
    elif all(name in names for name in wanted):
        questions, contexts = (as_texts(columns[names[key]], f"column {key!r} of {path}") for key in wanted)
        pairs = list(zip(questions, contexts, strict=True))
        if "answer" in names and "answers" not in names:
            starts = columns[names["answer_start"]] if "answer_start" in names else [None] * len(pairs)
            return pairs, _flat_answers(columns[names["answer"]], starts, contexts), ids
        return pairs, columns[names["answers"]] if "answers" in names else None, ids
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
