"""What fine-tuning can be for: a class, a number, tags of words, or an answer in a text."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import Tensor
from torch.nn import functional as F

from unlabeled.data.classes import class_name, is_missing, label_codes
from unlabeled.data.text.annotated import answer_span, given_answers, sentence_tags
from unlabeled.data.text.span_f1 import answer_f1, entity_f1, marks_stretches
from unlabeled.data.text.text_columns import whole_characters
from unlabeled.data.text.token_windows import IGNORED, Questions, TaggedWords, pair_rows
from unlabeled.data.text.tokenization.tokenized import TokenizedTexts
from unlabeled.errors import UnlabeledError
from unlabeled.modalities import open_instances

LONGEST_ANSWER = 30
"""Tokens."""
WIDTHS = ("what is no text", "single texts", "pairs of texts", "triples of texts")
"""What instances are called by the number of their texts."""

Scores = NDArray[np.float32] | None
"""What the head gives for a prepared row; None for a row that was not asked for."""


class Task(ABC):
    """A task: how instances are made ready, what the head gives, and what is read from it.

    Attributes
    ----------
    of_tokens : bool
        Whether the head reads every token, or the vector of an instance.
    outputs : int
        Numbers that the head gives.
    measure : str
        Name of what `score` gives; larger is better.
    """

    name: ClassVar[str]
    of_tokens: ClassVar[bool] = False
    measure: ClassVar[str] = "accuracy"
    outputs: int = 1

    @abstractmethod
    def prepare(self, X: Any, encoder: Any) -> tuple[Any, Any]:
        """Give instances ready for the encoder, and whatever `read` needs to know of them."""

    @abstractmethod
    def learn(self, y: Any, X: Any, made: Any) -> tuple[Any, NDArray[np.int64], list[Any]]:
        """Read the labels.

        Returns
        -------
        targets : list, one for each prepared row
        owner : ndarray of int64
            The instance that each prepared row is of.
        known : list
            For each instance its label, in the form that `score` compares; None where there is none.
        """

    def check(self, known: list[Any]) -> None:
        """Refuse labels that are too few to learn from.

        Raises
        ------
        UnlabeledError
        """
        if all(label is None for label in known):
            raise UnlabeledError("no instance is labelled")

    @abstractmethod
    def loss(self, scores: Tensor, targets: list[Any]) -> Tensor:
        """Say how far the head's scores are from the targets of a batch."""

    @abstractmethod
    def read(self, scores: list[Scores], made: Any) -> Any:
        """Turn the scores of all prepared rows into predictions, one for each instance.

        What is predicted for an instance whose rows have no scores means nothing.
        """

    @abstractmethod
    def score(self, truth: Sequence[Any], found: Sequence[Any]) -> float:
        """Measure predictions."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Give what was learnt beside the weights, in JSON's types."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Undo `state`."""


class ClassTask(Task):
    """A class an instance, of any kind of data; of pairs of texts the two are read together."""

    name = "class"
    classes: NDArray[Any]
    texts: int | None = None
    """How many texts an instance has, 0 for what is no text; None until that is known."""

    def prepare(self, X: Any, encoder: Any) -> tuple[Any, Any]:
        """Make instances; a pair of texts becomes one row."""
        instances, _ = open_instances(X, preprocessing=encoder.preprocessing)
        # Tables have columns too, but those are names.
        columns = instances.columns if isinstance(instances, TokenizedTexts) else ()
        if self.texts is not None and len(columns) != self.texts:
            learnt, given = (WIDTHS[width] for width in (self.texts, len(columns)))
            raise UnlabeledError(f"this model has learnt to read {learnt}, and these are {given}")
        self.texts = len(columns)
        if len(columns) > 1:
            return pair_rows(columns, encoder.preprocessing.tokenizer, encoder.preprocessing.length), len(instances)
        return instances, len(instances)

    def learn(self, y: Any, X: Any, made: Any) -> tuple[Any, NDArray[np.int64], list[Any]]:
        """Number the classes; instances without one are left out."""
        codes, self.classes = label_codes(y, made)
        self.outputs = len(self.classes)
        known = [self.classes[code] if code >= 0 else None for code in codes]
        return codes.tolist(), np.arange(len(codes)), known

    def check(self, known: list[Any]) -> None:
        """Refuse less than two classes."""
        super().check(known)
        if self.outputs < 2:
            raise UnlabeledError(f"a classifier needs at least two classes, got {self.outputs}")

    def loss(self, scores: Tensor, targets: list[Any]) -> Tensor:
        """Cross-entropy."""
        return F.cross_entropy(scores, torch.tensor(targets, device=scores.device))

    def read(self, scores: list[Scores], made: Any) -> Any:
        """Give the likeliest classes."""
        return self.classes[[0 if score is None else int(score.argmax()) for score in scores]]

    def score(self, truth: Sequence[Any], found: Sequence[Any]) -> float:
        """Share of the classes that are right."""
        return float(np.mean([class_name(a) == class_name(b) for a, b in zip(truth, found, strict=True)]))

    def state(self) -> dict[str, Any]:
        """Give the classes, and how many texts are read together."""
        return {"classes": self.classes.tolist(), "texts": self.texts}

    def restore(self, state: dict[str, Any]) -> None:
        """Take them."""
        self.classes, self.texts = np.array(state["classes"]), width_in(state)
        self.outputs = len(self.classes)


class ScoreTask(ClassTask):
    """A number an instance, or a pair of texts."""

    name = "score"
    measure = "spearman"
    mean, scale = 0.0, 1.0

    def learn(self, y: Any, X: Any, made: Any) -> tuple[Any, NDArray[np.int64], list[Any]]:
        """Standardise the numbers; what is missing, or the empty string, is left out."""
        try:
            numbers = np.array([math.nan if _no_number(value) else float(value) for value in y])
        except (TypeError, ValueError) as error:
            raise UnlabeledError(f"task 'score' needs numbers: {error}") from None
        if len(numbers) != made:
            raise UnlabeledError(f"there are {made} instances but {len(numbers)} numbers")
        there = np.isfinite(numbers)
        if there.any():
            self.mean, self.scale = float(numbers[there].mean()), float(numbers[there].std()) or 1.0
        known = [float(v) if ok else None for v, ok in zip(numbers, there, strict=True)]
        return ((numbers - self.mean) / self.scale).tolist(), np.arange(made), known

    def check(self, known: list[Any]) -> None:
        """Refuse less than two numbers."""
        if len(known) - known.count(None) < 2:
            raise UnlabeledError("task 'score' needs at least two numbers to learn from")

    def loss(self, scores: Tensor, targets: list[Any]) -> Tensor:
        """Mean squared error."""
        return F.mse_loss(scores[:, 0], torch.tensor(targets, device=scores.device, dtype=scores.dtype))

    def read(self, scores: list[Scores], made: Any) -> Any:
        """Give numbers in their own units."""
        return np.array([np.nan if score is None else score[0] * self.scale + self.mean for score in scores])

    def score(self, truth: Sequence[Any], found: Sequence[Any]) -> float:
        """Spearman's correlation; 0 where all predictions are the same."""
        if len(truth) < 2:
            raise UnlabeledError("a correlation needs at least two instances with a number, got 1")
        if min(len(set(map(float, truth))), len(set(map(float, found)))) < 2:
            return 0.0
        return float(spearmanr(truth, found).statistic)

    def state(self) -> dict[str, Any]:
        """Give mean and scale, and how many texts are read together."""
        return {"mean": self.mean, "scale": self.scale, "texts": self.texts}

    def restore(self, state: dict[str, Any]) -> None:
        """Take them."""
        self.mean, self.scale, self.texts = state["mean"], state["scale"], width_in(state)


def _no_number(value: Any) -> bool:
    return not value.strip() if isinstance(value, str) else is_missing(value)


def width_in(state: dict[str, Any]) -> int:
    """Read how many texts are read together; a file may say anything."""
    width = state["texts"]
    if width not in range(len(WIDTHS)):
        raise UnlabeledError(f"a saved model reads {width!r:.40} texts together, which is no number of texts")
    return int(width)


class TagTask(Task):
    """A tag a word; instances are lists of words."""

    name = "tags"
    of_tokens = True
    classes: list[str]

    @property
    def measure(self) -> str:  # type: ignore[override]  # of other tasks it is the same for all data
        """Entities are counted whole; tags that mark no stretches, such as parts of speech, one by one."""
        return "entity F1" if marks_stretches(self.classes) else "accuracy"

    def prepare(self, X: Any, encoder: Any) -> tuple[Any, Any]:
        """Cut the words; long sentences become several rows."""
        if getattr(encoder.preprocessing, "kind", "") != "text":
            raise UnlabeledError("tags are for sentences, and the encoder is not for texts")
        made = TaggedWords.cut(list(X), encoder.preprocessing.tokenizer, encoder.preprocessing.length)
        return made.rows, made

    def learn(self, y: Any, X: Any, made: Any) -> tuple[Any, NDArray[np.int64], list[Any]]:
        """Number the tags; sentences without any are left out."""
        if len(y) != len(X):
            raise UnlabeledError(f"there are {len(X)} sentences but {len(y)} lists of tags")
        known = [sentence_tags(words, tags, place) for place, (words, tags) in enumerate(zip(X, y, strict=True))]
        self.classes = sorted({tag for tags in known if tags is not None for tag in tags})
        self.outputs = len(self.classes)
        number = {tag: i for i, tag in enumerate(self.classes)}
        codes = [
            np.full(len(words), IGNORED) if tags is None else np.array([number[tag] for tag in tags], dtype=np.int64)
            for words, tags in zip(X, known, strict=True)
        ]
        return made.targets(codes), np.array(made.rows.owner), known

    def loss(self, scores: Tensor, targets: list[Any]) -> Tensor:
        """Cross-entropy at the first token of each word."""
        wanted = np.full(scores.shape[:2], IGNORED, dtype=np.int64)
        for row, target in enumerate(targets):
            wanted[row, : len(target)] = target
        return F.cross_entropy(
            scores.flatten(0, 1), torch.from_numpy(wanted).to(scores.device).flatten(), ignore_index=IGNORED
        )

    def read(self, scores: list[Scores], made: Any) -> Any:
        """Give a tag for each word."""
        found = made.of_words(scores, self.outputs)
        # Of a word without a token nothing is known; that it is outside of all stretches claims least.
        none = self.classes.index("O") if "O" in self.classes else 0
        return [[self.classes[row.argmax() if row.any() else none] for row in words] for words in found]

    def score(self, truth: Sequence[Any], found: Sequence[Any]) -> float:
        """F1 of whole stretches where tags begin with B- or the like, else the share of tags that are right."""
        if marks_stretches(tag for tags in (getattr(self, "classes", []), *truth) for tag in tags):
            return entity_f1(truth, found)
        pairs = [(a, b) for one, other in zip(truth, found, strict=True) for a, b in zip(one, other, strict=True)]
        return float(np.mean([a == b for a, b in pairs]))

    def state(self) -> dict[str, Any]:
        """Give the tags."""
        return {"classes": self.classes}

    def restore(self, state: dict[str, Any]) -> None:
        """Take the tags."""
        self.classes = state["classes"]
        self.outputs = len(self.classes)


class SpanTask(Task):
    """An answer, as a stretch of a context; instances are (question, context) pairs."""

    name = "span"
    of_tokens = True
    measure = "answer F1"
    outputs = 2
    unanswerable = False

    def prepare(self, X: Any, encoder: Any) -> tuple[Any, Any]:
        """Cut questions and contexts; long contexts become several rows."""
        if getattr(encoder.preprocessing, "kind", "") != "text":
            raise UnlabeledError("answers are for texts, and the encoder is not")
        pairs = [tuple(pair) if isinstance(pair, list | tuple | np.ndarray) else () for pair in X]
        if any(len(pair) != 2 or not all(isinstance(text, str) for text in pair) for pair in pairs):
            raise UnlabeledError("task 'span' takes pairs (question, context) of strings")
        pairs = [tuple(map(whole_characters, pair)) for pair in pairs]
        made = Questions.cut(pairs, encoder.preprocessing.tokenizer, encoder.preprocessing.length)
        return made.rows, (made, pairs)

    def learn(self, y: Any, X: Any, made: Any) -> tuple[Any, NDArray[np.int64], list[Any]]:
        """Find the tokens of the answers."""
        questions, pairs = made
        if len(y) != len(pairs):
            raise UnlabeledError(f"there are {len(pairs)} questions but {len(y)} answers")
        spans = [answer_span(a, context, i) for i, (a, (_, context)) in enumerate(zip(y, pairs, strict=True))]
        self.unanswerable = any(span is None for span in spans)
        known = [[text for text, _ in given_answers(answer, row)] or [""] for row, answer in enumerate(y)]
        # Beside the two places the length of the row, after which comes padding.
        places = questions.targets(spans)
        targets = [np.append(place, len(row)) for place, row in zip(places, questions.rows.rows, strict=True)]
        return targets, np.array(questions.rows.owner), known

    def loss(self, scores: Tensor, targets: list[Any]) -> Tensor:
        """Cross-entropy of the first and of the last token; both are the first of the row where there is no answer."""
        wanted = torch.from_numpy(np.stack(targets)).to(scores.device)
        padding = torch.arange(scores.shape[1], device=scores.device) >= wanted[:, 2:]
        scores = scores.masked_fill(padding[..., None], -math.inf)
        return (F.cross_entropy(scores[..., 0], wanted[:, 0]) + F.cross_entropy(scores[..., 1], wanted[:, 1])) / 2

    def read(self, scores: list[Scores], made: Any) -> Any:
        """Give the best answer over all windows; the empty text where no answer is better and that was learnt."""
        questions, pairs = made
        rows = questions.rows
        best: list[tuple[float, int, int]] = [(-math.inf, 0, -1)] * len(pairs)
        null = [math.inf] * len(pairs)
        for row, owner, first, begin, score in zip(rows.rows, rows.owner, rows.first, rows.begin, scores, strict=True):
            if score is None:
                continue
            last = len(row) - len(rows.tokenizer.closing_tokens)
            null[owner] = min(null[owner], float(score[0, 0] + score[0, 1]))
            sums = score[first:last, 0][:, None] + score[first:last, 1][None, :]
            if not sums.size:
                continue
            n = len(sums)
            allowed = np.triu(np.ones((n, n), dtype=bool)) & ~np.triu(np.ones((n, n), dtype=bool), LONGEST_ANSWER)
            place = int(np.where(allowed, sums, -np.inf).argmax())
            start, end = divmod(place, n)
            best[owner] = max(best[owner], (float(sums[start, end]), begin + start, begin + end))
        answers = []
        for owner, (score_of, start, end) in enumerate(best):
            if end < start or (self.unanswerable and null[owner] > score_of):
                answers.append("")
                continue
            places = questions.places[owner]
            answers.append(pairs[owner][1][places[start, 0] : places[end, 1]])
        return answers

    def score(self, truth: Sequence[Any], found: Sequence[Any]) -> float:
        """F1 of the words of the answers; of several that are right, that of the nearest counts."""
        return float(np.mean([max(answer_f1(a, b) for a in right) for right, b in zip(truth, found, strict=True)]))

    def state(self) -> dict[str, Any]:
        """Give whether there were questions without an answer."""
        return {"unanswerable": self.unanswerable}

    def restore(self, state: dict[str, Any]) -> None:
        """Take it."""
        self.unanswerable = state["unanswerable"]


TaskName = Literal["class", "score", "tags", "span"]

TASKS: dict[str, type[Task]] = {task.name: task for task in (ClassTask, ScoreTask, TagTask, SpanTask)}
