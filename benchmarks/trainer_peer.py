"""Fine-tuning with transformers' Trainer, as its example scripts do it: the peer of `FineTuning`.

The heads, the collators, the schedule and the treatment of labels are those of run_glue.py, run_ner.py and run_qa.py:
the rate falls to zero linearly without warm-up, and batches are drawn at random and padded to their longest row.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    set_seed,
)

from unlabeled.encoders.text.pretrained_text import quiet

IGNORED, BEST, LONGEST_ANSWER = -100, 20, 30


class TrainerPeer:
    """A model of transformers with a head for one task, trained by its Trainer.

    Parameters
    ----------
    folder : str
        Weights, configuration and tokenizer.
    task : {"class", "tags", "span"}
    length : int
        Most tokens of a row.
    epochs, batch_size, learning_rate, seed
        Of the Trainer.
    """

    def __init__(
        self, folder: str, task: str, *, length: int, epochs: int, batch_size: int, learning_rate: float, seed: int
    ) -> None:
        self.folder, self.task, self.length, self.seed = folder, task, length, seed
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.settings: dict[str, Any] = {"num_train_epochs": epochs, "learning_rate": learning_rate}
        self.settings |= {"per_device_train_batch_size": batch_size, "per_device_eval_batch_size": 32, "seed": seed}

    def fit(self, X: Sequence[Any], y: Sequence[Any]) -> TrainerPeer:
        rows, collator, outputs = getattr(self, f"_{self.task}_rows")(X, y)
        kinds = {
            "class": AutoModelForSequenceClassification,
            "tags": AutoModelForTokenClassification,
            "span": AutoModelForQuestionAnswering,
        }
        set_seed(self.seed)
        with quiet():
            model = kinds[self.task].from_pretrained(self.folder, num_labels=outputs)
        self.place = tempfile.TemporaryDirectory()
        settings = {**self.settings, "use_cpu": not torch.cuda.is_available(), "output_dir": self.place.name}
        settings |= {"report_to": [], "save_strategy": "no", "logging_strategy": "no", "disable_tqdm": True}
        self.trainer = Trainer(model, TrainingArguments(**settings), collator, rows)
        self.trainer.train()
        return self

    def predict(self, X: Sequence[Any]) -> list[Any]:
        found: list[Any] = getattr(self, f"_read_{self.task}")(X)
        return found

    def _class_rows(self, X: Any, y: Any = None) -> Any:
        columns = list(zip(*X, strict=True)) if isinstance(X[0], tuple) else [X]
        made = self.tokenizer(*(list(column) for column in columns), truncation=True, max_length=self.length)
        rows = [{key: values[i] for key, values in made.items()} for i in range(len(X))]
        if y is None:
            return rows
        self.names = sorted(set(y))
        for row, label in zip(rows, y, strict=True):
            row["labels"] = self.names.index(label)
        return rows, DataCollatorWithPadding(self.tokenizer), len(self.names)

    def _read_class(self, X: Any) -> list[Any]:
        return [self.names[i] for i in self.trainer.predict(self._class_rows(X)).predictions.argmax(1)]

    def _tags_rows(self, X: Any, y: Any = None) -> Any:
        made = self.tokenizer(list(X), truncation=True, max_length=self.length, is_split_into_words=True)
        if y is not None:
            self.names = sorted({tag for tags in y for tag in tags})
        rows = []
        for i in range(len(X)):
            row = {key: values[i] for key, values in made.items()}
            number, labels = made.word_ids(i), []
            for place, word in enumerate(number):
                first = word is not None and (place == 0 or number[place - 1] != word)
                tag = self.names[0] if y is None else y[i][word] if word is not None else ""
                labels.append(self.names.index(tag) if first else IGNORED)
            rows.append(row | {"labels": labels})
        return rows if y is None else (rows, DataCollatorForTokenClassification(self.tokenizer), len(self.names))

    def _read_tags(self, X: Any) -> list[list[str]]:
        found = self.trainer.predict(self._tags_rows(X))
        read = []
        for scores, labels, words in zip(found.predictions, found.label_ids, X, strict=True):
            tags = [self.names[i] for i in scores[labels != IGNORED].argmax(1)]
            read.append(tags + ["O"] * (len(words) - len(tags)))  # of words that were cut off
        return read

    def _windows(self, X: Any) -> Any:
        questions, contexts = zip(*X, strict=True)
        return self.tokenizer(
            [question.lstrip() for question in questions],
            list(contexts),
            truncation="only_second",
            max_length=self.length,
            stride=self.length // 2,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )

    def _span_rows(self, X: Any, y: Any) -> Any:
        made, rows = self._windows(X), []
        for i, owner in enumerate(made["overflow_to_sample_mapping"]):
            text, start = y[owner]
            end, (first, last) = start + len(text), context_of(made, i)
            places = made["offset_mapping"][i]
            row = {"input_ids": made["input_ids"][i], "attention_mask": made["attention_mask"][i]}
            row |= {"token_type_ids": made["token_type_ids"][i], "start_positions": 0, "end_positions": 0}
            if places[first][0] <= start and places[last][1] >= end:
                inside = [t for t in range(first, last + 1) if places[t][1] > start and places[t][0] < end]
                row |= {"start_positions": inside[0], "end_positions": inside[-1]}
            rows.append(row)
        return rows, DataCollatorWithPadding(self.tokenizer), 2

    def _read_span(self, X: Any) -> list[str]:
        """Of the 20 best beginnings and ends of each window, take the pair with the greatest sum."""
        made = self._windows(X)
        keys = ("input_ids", "attention_mask", "token_type_ids")
        rows = [{key: made[key][i] for key in keys} for i in range(len(made["input_ids"]))]
        starts, ends = self.trainer.predict(rows).predictions
        best: list[tuple[float, str]] = [(-np.inf, "")] * len(X)
        for i, owner in enumerate(made["overflow_to_sample_mapping"]):
            (first, last), places = context_of(made, i), made["offset_mapping"][i]
            for start in np.argsort(-starts[i])[:BEST]:
                for end in np.argsort(-ends[i])[:BEST]:
                    if first <= start <= end <= last and end - start < LONGEST_ANSWER:
                        answer = X[owner][1][places[start][0] : places[end][1]]
                        best[owner] = max(best[owner], (float(starts[i][start] + ends[i][end]), answer))
        return [answer for _, answer in best]


def context_of(made: Any, row: int) -> tuple[int, int]:
    """Give the first and the last token of the context of a row."""
    inside = [place for place, part in enumerate(made.sequence_ids(row)) if part == 1]
    return inside[0], inside[-1]
