"""The one loop of skip-gram and CBOW: threads that take block after block of the text and write into shared matrices.

The threads do not lock the matrices (Recht, Ré, Wright & Niu, Hogwild!, 2011): two of them now and then change one row
at the same time and one change is partly lost, which does no harm when rows are many. With one thread the result is
repeatable bit for bit. Everything random in a block follows from the seed and the block's number, so a run that was
interrupted goes on where it stopped with nothing saved but the matrices and that number.
"""

from __future__ import annotations

import itertools
import os
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.text.indexing.corpus import Corpus
from unlabeled.errors import UnlabeledError, diverged
from unlabeled.files import load_arrays, save_arrays, written_aside
from unlabeled.kernels.layout import aligned, round_up
from unlabeled.kernels.random import seeded
from unlabeled.kernels.words.sampling import keep_thresholds, subsampled
from unlabeled.methods.words.word_embedding import worker_count
from unlabeled.training.control.interrupt import StopRequest
from unlabeled.training.control.progress import ProgressBar
from unlabeled.training.control.run_state import FILE, State, checkpoint_in, stopped_message

Floats = NDArray[np.float32]
Tokens = NDArray[np.int32]
Offsets = NDArray[np.int64]

BLOCKS, BLOCK = 240, (10_000, 40_000)
"""Into how many blocks a text is cut, where their words are not fewer or more than these. A block is a few milliseconds
of work, between which the learning rate falls and an interrupt is noticed; each has overhead, which few words are not
worth."""
LOSSES = 25
"""How often, over a whole run, the loss is taken down."""
DIVERGED = 1e3
"""A loss, in nats, that no vectors of use have."""


class Composition(Protocol):
    """How words are made up of rows that several words share, such as those of their n-grams."""

    def composed(self, inputs: Floats) -> Floats:
        """Give the vectors of the words."""

    def unseen(self, inputs: Floats, dim: int) -> Any:
        """Give what makes vectors of words that were not in the text."""


@dataclass(frozen=True)
class Model:
    """What is trained: two matrices, the kernel that trains them on a block, and their exact loss on a text.

    Parameters
    ----------
    inputs, outputs : ndarray of float32, shape (rows, dim padded to a multiple of 16)
        See `padded`. Kernels change them in place.
    tables : tuple of arrays
        What the loss needs beside them; the kernel knows its order.
    kernel : callable
        ``kernel(tokens, sentences, inputs, outputs, tables, window, learning_rate, state) -> words``.
    loss : callable
        From the tokens and offsets of a text (subsampled already) to its average loss, exactly and in float64.
    subwords : Composition, optional
        How words are made up of rows of `inputs`, if not of one each.
    """

    inputs: Floats
    outputs: Floats
    tables: tuple[Any, ...]
    kernel: Callable[..., int]
    loss: Callable[[Tokens, Offsets], float]
    subwords: Composition | None = None


class WordMethod(Protocol):
    """The settings of a word method that its training reads."""

    window: int
    subsample: float | None
    held_out: float | None
    epochs: int
    learning_rate: float
    min_learning_rate: float
    watched_words: ClassVar[int]
    workers: int | None
    deterministic: bool
    checkpoint: str | os.PathLike[str] | None
    progress: bool | None


class Matrices(Protocol):
    """What a checkpoint keeps of any word method."""

    @property
    def inputs(self) -> Floats:
        """A row for each word."""

    @property
    def outputs(self) -> Floats:
        """A row for each word as context, or for each inner node of a tree."""


def padded(rows: int, dim: int) -> Floats:
    """Make a matrix of zeros whose rows begin at cache lines: `dim` is rounded up to a multiple of 16."""
    return aligned((rows, round_up(dim, 16)), np.float32)


def initialised(rows: int, dim: int, seed: int) -> Floats:
    """Make a padded matrix that is uniform in ±1 / (2 dim), as word2vec starts its input vectors."""
    matrix, rng = padded(rows, dim), np.random.default_rng(seed)
    for start in range(0, rows, 4096):
        part = matrix[start : start + 4096, :dim]
        part[:] = (rng.random(part.shape, dtype=np.float32) - np.float32(0.5)) / np.float32(dim)
    return matrix


def block_size(words: int) -> int:
    """Choose the most words that a block of a text may have."""
    return min(max(words // BLOCKS, BLOCK[0]), BLOCK[1])


def block_bounds(offsets: Offsets, size: int) -> Offsets:
    """Cut a text into blocks of at most `size` words, between sentences wherever that is possible.

    A sentence longer than a block is cut, and no window reaches over the cut.
    """
    bounds, total = [0], int(offsets[-1])
    while bounds[-1] < total:
        limit = bounds[-1] + size
        end = int(offsets[np.searchsorted(offsets, limit, side="right") - 1])
        bounds.append(end if end > bounds[-1] else limit)
    return np.array(bounds, np.int64)


def held_out_sentences(sentences: int, share: float | None) -> int:
    """Give n such that every n-th sentence is kept out of training; 0 for none."""
    if not share:
        return 0
    every = max(2, round(1 / share))
    if sentences <= every // 2:
        raise UnlabeledError(
            f"held_out={share} keeps every {every}th sentence out of training, but the text has only {sentences}; "
            "hold out a larger share, or None"
        )
    return every


@dataclass(frozen=True)
class Text:
    """A corpus cut into blocks, and what of it is trained on."""

    corpus: Corpus
    bounds: Offsets
    keep: NDArray[np.uint64]
    every: int

    @classmethod
    def of(cls, corpus: Corpus, subsample: float | None, held_out: float | None) -> Text:
        """Prepare a corpus for training."""
        every = held_out_sentences(len(corpus.offsets) - 1, held_out)
        bounds = block_bounds(corpus.offsets, block_size(int(corpus.offsets[-1])))
        return cls(corpus, bounds, keep_thresholds(corpus.vocabulary.counts, subsample), every)

    @property
    def blocks(self) -> int:
        """Blocks of one epoch."""
        return len(self.bounds) - 1

    def block(self, number: int, state: NDArray[np.uint64], held_out: bool = False) -> tuple[Tokens, Offsets]:
        """Subsample a block: its tokens and the offsets of its sentences."""
        start, end = self.bounds[number], self.bounds[number + 1]
        offsets = self.corpus.offsets
        first = int(np.searchsorted(offsets, start, side="right")) - 1
        last = int(np.searchsorted(offsets, end, side="left"))
        tokens, sentences = np.asarray(self.corpus.ids[start:end]), offsets[first : last + 1] - start
        return subsampled(tokens, sentences, self.keep, first, self.every, held_out, state)

    def sample(self, words: int | None, seed: int, held_out: bool = False) -> tuple[Tokens, Offsets]:
        """Take about `words` words, spread evenly over the text, always the same ones; None takes all."""
        state = seeded(seed, 0)
        wanted = np.arange(self.blocks)
        if words is not None and words < self.corpus.offsets[-1]:
            wanted = np.linspace(0, self.blocks - 1, max(1, min(self.blocks, words // 100))).astype(int)
        tokens, lengths, share = [], [], -(-words // len(wanted)) if words is not None else None
        for number in wanted:
            part, sentences = self.block(int(number), state, held_out)
            stop = len(sentences) - 1
            if share is not None:
                stop = min(stop, max(1, int(np.searchsorted(sentences, share, side="right")) - 1))
            tokens.append(part[: sentences[stop]])
            lengths.append(np.diff(sentences[: stop + 1]))
        return np.concatenate(tokens), np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)


def train(method: WordMethod, corpus: Corpus, model: Model, state: State, resume: bool = False) -> float | None:
    """Train `model` in place from `state.step` to the end; give the loss on the text held out, if there is any.

    Raises
    ------
    KeyboardInterrupt
        After a Ctrl-C, once the blocks at hand are finished and, where a checkpoint folder is set, saved.
    UnlabeledError
        If the loss is no longer a number, or there is no matching checkpoint to resume from.
    """
    folder = Path(method.checkpoint) if method.checkpoint is not None else None
    if resume and folder is not None:
        load_checkpoint(folder, state, model)
    text = Text.of(corpus, method.subsample, method.held_out)
    watched = text.sample(method.watched_words, state.seed)
    if not _has_pairs(watched):
        if not _has_pairs(text.sample(None, state.seed)):
            warnings.warn(
                f"next to nothing is learnt: subsample={method.subsample!r} leaves hardly any two words of a sentence. "
                "Give more text, or take subsample=None",
                stacklevel=5,
            )
        watched = Text.of(corpus, None, method.held_out).sample(method.watched_words, state.seed)
    total, end = method.epochs * int(corpus.offsets[-1]), method.epochs * text.blocks
    workers = 1 if method.deterministic else min(worker_count(method.workers), text.blocks)
    stride = max(1, -(-end // LOSSES))

    def words_before(block: int) -> int:
        epoch, number = divmod(block, text.blocks)
        return epoch * int(corpus.offsets[-1]) + int(text.bounds[number])

    def learning_rate(block: int) -> float:
        return method.learning_rate + (method.min_learning_rate - method.learning_rate) * words_before(block) / total

    def one_block(block: int) -> None:
        draws = seeded(state.seed, block + 1)
        tokens, sentences = text.block(block % text.blocks, draws)
        rate = np.float32(learning_rate(block))
        model.kernel(tokens, sentences, model.inputs, model.outputs, model.tables, method.window, rate, draws)

    with (
        StopRequest() as stop,
        ProgressBar(type(method).__name__, total, words_before(state.step), method.progress, "words") as bar,
        ThreadPoolExecutor(workers) as pool,
    ):
        while state.step < end:
            began, before = time.monotonic(), state.step
            until = min(end, (state.step // stride + 1) * stride, (state.step // text.blocks + 1) * text.blocks)
            numbers, done = itertools.count(state.step), [0] * workers

            def work(worker: int, numbers: Any = numbers, until: int = until, done: list[int] = done) -> None:
                # next() on a count is atomic, so every number is handed out once; what was taken is finished.
                while not stop.made and (number := next(numbers)) < until:
                    one_block(number)
                    done[worker] += 1

            running = [pool.submit(work, worker) for worker in range(workers)]
            while wait(running, timeout=1).not_done:
                bar.advance(words_before(before + sum(done)))
            for worker in running:
                worker.result()  # raises what went wrong there
            state.step += sum(done)
            seconds = max(time.monotonic() - began, 1e-9)
            stopping, words = stop.made and state.step < end, words_before(state.step)
            if state.step == until:
                loss = checked(model.loss(*watched), words)
                figures = {"step": words, "epoch": words * method.epochs / total, "loss": loss}
                state.history.append(figures | {"learning_rate": learning_rate(state.step)})
                bar.show(state.history[-1], (words - words_before(before)) / seconds)
            if folder is not None and (stopping or state.step % text.blocks == 0):
                save_checkpoint(folder, state, model)
            if stopping:
                raise KeyboardInterrupt(stopped_message(folder, f"{words:,} of {total:,} words"))
    return model.loss(*text.sample(None, state.seed, held_out=True)) if text.every else None


def _has_pairs(text: tuple[Tokens, Offsets]) -> bool:
    """Say whether some sentence has two words; then some word has a neighbour."""
    return bool(np.diff(text[1]).max(initial=0) > 1)


def checked(loss: float, words: int) -> float:
    """Give the loss back, unless training has diverged."""
    if not loss < DIVERGED:  # which NaN is not either
        raise diverged(f"the loss is {loss} after {words:,} words")
    return loss


def save_checkpoint(folder: Path, state: State, model: Matrices) -> None:
    """Write matrices and state as one file, in one step."""
    words = np.frombuffer(state.to_bytes(), np.uint8)
    with written_aside(folder / FILE) as aside:
        save_arrays({"inputs": model.inputs, "outputs": model.outputs, "state": words}, aside)


def load_checkpoint(folder: Path, state: State, model: Matrices) -> None:
    """Bring a run to where the checkpoint in `folder` stands.

    Raises
    ------
    UnlabeledError
        If there is none, or it is of other settings or another text.
    """
    arrays = load_arrays(checkpoint_in(folder))
    state.resume(folder, arrays["state"].tobytes())
    model.inputs[:], model.outputs[:] = arrays["inputs"], arrays["outputs"]
