"""GloVe: global vectors for word representation."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from unlabeled.data.text.indexing.corpus import Corpus
from unlabeled.errors import UnlabeledError, diverged, unknown_name
from unlabeled.kernels.words.glove_kernel import HELD, descent
from unlabeled.methods.words.counting.cooccurrence import Weighting, bytes_of, cooccurrence
from unlabeled.methods.words.counting.tiling import Tiling
from unlabeled.methods.words.prediction.trained_embedding import TrainedEmbedding
from unlabeled.methods.words.prediction.training import load_checkpoint, padded, save_checkpoint
from unlabeled.methods.words.word_embedding import (
    CIRCUMSTANCES,
    check_neighbours,
    worker_count,
)
from unlabeled.methods.words.word_vectors import WordVectors
from unlabeled.setting_checks import check_whole_settings
from unlabeled.training.control.interrupt import StopRequest
from unlabeled.training.control.progress import ProgressBar
from unlabeled.training.control.run_state import State, stopped_message

Floats = NDArray[np.float32]
Output = Literal["sum", "words", "contexts"]


class GloVe(TrainedEmbedding):
    r"""The products of word vectors are fitted to the logarithms of how often words stand near each other.

    Split: x is a word, y a word near it; X_ij says how often. Loss, over all pairs that occur:

    .. math:: J = \sum_{X_{ij} > 0} f(X_{ij}) \left(w_i \cdot \tilde w_j + b_i + \tilde b_j - \log X_{ij}\right)^2,
        \quad f(x) = \min\left(1, (x / x_\text{max})^\alpha\right)

    It is made small by AdaGrad, one nonzero after the other in an order that changes with every epoch. The result
    does not depend on the number of threads.

    Parameters
    ----------
    window : int, default 10
        Words on each side that count as near.
    symmetric : bool, default True
        Count the words on both sides; otherwise only those to the left.
    weighting : {"inverse", "flat"}, default "inverse"
        What a neighbour at distance d adds to X: 1/d, or 1.
    x_max : float, default 100
        Count from which on a pair has full weight: 100 is for billions of words; 10 suits some millions.
    alpha : float, default 0.75
        How fast the weight falls below that. 0 is the unweighted form, in which every pair that occurs counts alike.
    learning_rate : float, default 0.05
        η of AdaGrad, whose sums of squared steps begin at 1.
    epochs : int, default 25
        Passes over the nonzeros.
    output : {"sum", "words", "contexts"}, default "sum"
        A word's vector: w + w̃, w, or w̃.
    memory : str or int, default "1GB"
        For counting; see `cooccurrence`.
    checkpoint : path, optional
        Folder in which training is saved after each epoch and at Ctrl-C, for `fit(..., resume=True)`.

    Attributes
    ----------
    cooccurrence_ : scipy.sparse.csr_array of float64, shape (words, words)
        X. `save` leaves it out: it takes some twenty times the room of the vectors, and `cooccurrence` counts the same
        text to the same bits again.
    word_vectors_, context_vectors_ : ndarray of float32, shape (words, dim)
        w and w̃.
    word_biases_, context_biases_ : ndarray of float32, shape (words,)
        b and b̃.
    history_ : list of dict
        For each epoch the cost, under ``"loss"``: the mean over the nonzeros of ½ f d², d being the difference in
        brackets before the nonzero's own step.
    cost_ : float
        That of the last epoch.

    See Also
    --------
    unlabeled.cooccurrence : The counting.

    References
    ----------
    .. [1] Pennington, Socher & Manning, GloVe: Global Vectors for Word Representation, EMNLP 2014.

    Examples
    --------
    >>> sentences = [["I", "like", "deep", "learning", "."], ["I", "like", "NLP", "."], ["I", "enjoy", "flying", "."]]
    >>> model = GloVe(dim=4, window=1, min_count=1, epochs=2, random_state=0, progress=False).fit(sentences)
    >>> model.vectors_["NLP"].shape
    (4,)
    >>> float(model.cooccurrence_[0, 2])  # I, like
    2.0
    """

    principle: ClassVar[str] = "words"

    circumstances: ClassVar[set[str]] = CIRCUMSTANCES | {"memory", "epochs", "output"}

    window: int = 10
    symmetric: bool = True
    weighting: Weighting = "inverse"
    x_max: float = 100.0
    alpha: float = 0.75
    learning_rate: float = 0.05
    epochs: int = 25
    output: Output = "sum"
    memory: str | int = "1GB"
    checkpoint: str | os.PathLike[str] | None = None

    def fit(self, X: Any, y: Any = None, *, resume: bool = False) -> Self:
        """Learn vectors of the words of a text.

        Parameters
        ----------
        X : path, list of paths, folder, list of strings, iterable of token lists, or Corpus
            The text; a string is the path of a text file, plain or compressed (see `Corpus.encode`).
        y : ignored
            There for scikit-learn's sake.
        resume : bool, default False
            Go on from the checkpoint in the folder `checkpoint`, to the same bits as without the interruption; also
            for more epochs than were planned.

        Returns
        -------
        self

        Raises
        ------
        UnlabeledError
            If the text or a setting is not usable, or the cost is no longer a number.
        KeyboardInterrupt
            After Ctrl-C; what was learnt so far is kept, and saved if `checkpoint` is set.
        """
        return self._fit(X, resume)

    def _learn(self, corpus: Corpus, resume: bool = False) -> WordVectors:
        check_neighbours(corpus)
        self.cooccurrence_ = cooccurrence(
            corpus,
            window=self.window,
            symmetric=self.symmetric,
            weighting=self.weighting,
            memory=self.memory,
            workers=self.workers,
            progress=self.progress,
        )
        if self.cooccurrence_.shape[0] < 2 or not self.cooccurrence_.nnz:
            raise UnlabeledError(
                f"no two different words stand near each other; the vocabulary has {len(corpus.vocabulary)} word(s). "
                f"Give more text, or lower min_count={self.min_count}"
            )
        settings = {key: value for key, value in self.recipe().items() if key not in self.circumstances}
        state = State(self.seed_, {**settings, "text": corpus.fingerprint})
        model = Factors.initial(len(corpus.vocabulary), self.dim, self.seed_)
        try:
            train(self, self.cooccurrence_, model, state, resume)
        except KeyboardInterrupt:
            self.vectors_ = self._read(model, state)
            raise
        return self._read(model, state)

    def _read(self, model: Factors, state: State) -> WordVectors:
        """Read the fitted attributes off the trained matrices."""
        self.history_ = state.history
        self.cost_ = state.history[-1]["loss"] if state.history else float("nan")
        self.word_vectors_, self.word_biases_ = model.words()
        self.context_vectors_, self.context_biases_ = model.contexts()
        vectors = {"words": self.word_vectors_, "contexts": self.context_vectors_}
        both = self.word_vectors_ + self.context_vectors_
        return WordVectors(self.vocabulary_.words, vectors.get(self.output, both), self.vocabulary_.counts)

    def _extras(self) -> dict[str, NDArray[Any]]:
        names = ("word_vectors", "word_biases", "context_vectors", "context_biases")
        return {name: getattr(self, f"{name}_") for name in names}

    def _restore(self, extras: dict[str, NDArray[Any]]) -> None:
        for name, array in extras.items():
            setattr(self, f"{name}_", array)

    def _figures(self) -> dict[str, Any]:
        return {"history_": self.history_, "cost_": self.cost_}

    def _check(self) -> None:
        super()._check()
        check_whole_settings(self, "window", "epochs")
        for name, names in (("weighting", get_args(Weighting)), ("output", get_args(Output))):
            if getattr(self, name) not in names:
                raise unknown_name(name, str(getattr(self, name)), names)
        for name, meant in (("x_max", "above 0"), ("learning_rate", "above 0"), ("alpha", "0 or more")):
            value = getattr(self, name)
            if not (np.ndim(value) == 0 and 0 <= value < np.inf) or (value == 0 and name != "alpha"):
                raise UnlabeledError(f"{name} must be {meant}, got {value!r}")
        bytes_of(self.memory)


class Factors:
    """The two matrices of GloVe as its kernel has them: vectors with their biases, and AdaGrad's sums beside them."""

    def __init__(self, inputs: Floats, outputs: Floats, dim: int) -> None:
        self.inputs, self.outputs, self.dim = inputs, outputs, dim

    @classmethod
    def initial(cls, words: int, dim: int, seed: int) -> Factors:
        """Make vectors and biases uniform in ±1 / (2 dim), and the sums 1, as the authors' program does."""
        width = -(-(dim + 2) // 16) * 16
        rng = np.random.default_rng(seed)
        matrices = []
        for bias, one in ((dim, dim + 1), (dim + 1, dim)):
            matrix = padded(words, 2 * width)
            for part in (matrix[start : start + 4096] for start in range(0, words, 4096)):
                numbers = (rng.random((len(part), dim + 1), dtype=np.float32) - np.float32(0.5)) / np.float32(dim)
                part[:, :dim], part[:, bias], part[:, one] = numbers[:, :dim], numbers[:, dim], 1
                part[:, width:], part[:, width + one] = 1, HELD
            matrices.append(matrix)
        return cls(matrices[0], matrices[1], dim)

    def words(self) -> tuple[Floats, Floats]:
        """Give the vectors w and the biases b."""
        return self.inputs[:, : self.dim].copy(), self.inputs[:, self.dim].copy()

    def contexts(self) -> tuple[Floats, Floats]:
        """Give the vectors w̃ and the biases b̃."""
        return self.outputs[:, : self.dim].copy(), self.outputs[:, self.dim + 1].copy()


def train(method: GloVe, X: csr_array, model: Factors, state: State, resume: bool = False) -> None:
    """Train `model` in place from round `state.step` to the end.

    Raises
    ------
    KeyboardInterrupt
        After a Ctrl-C, once the round at hand is finished and, where a checkpoint folder is set, saved.
    UnlabeledError
        If the cost is no longer a number, or there is no matching checkpoint to resume from.
    """
    folder = Path(method.checkpoint) if method.checkpoint is not None else None
    if resume and folder is not None:
        load_checkpoint(folder, state, model)
    workers, width = worker_count(method.workers), model.inputs.shape[1] // 2
    tiling = Tiling.of(X, model.inputs[0].nbytes, method.x_max, method.alpha, state.seed, workers)
    kernel, end = descent(width), method.epochs * tiling.groups

    def rectangle(begins: NDArray[np.int64], ends: NDArray[np.int64]) -> float:
        return kernel(
            tiling.places, tiling.targets, begins, ends, model.inputs, model.outputs, np.float32(method.learning_rate)
        )

    with (
        StopRequest() as stop,
        ProgressBar(type(method).__name__, end, state.step, method.progress, "nonzeros") as bar,
        ThreadPoolExecutor(workers) as pool,
    ):
        while state.step < end:
            epoch, first = divmod(state.step, tiling.groups)
            began = time.monotonic()
            if first == 0:
                state.history.append({"step": (epoch + 1) * tiling.groups, "epoch": epoch + 1, "loss": 0.0})
            for tiles in tiling.rounds(state.seed, epoch)[first:]:
                costs = list(pool.map(rectangle, *zip(*tiles, strict=True)))
                state.history[-1]["loss"] += checked(sum(costs) / X.nnz, epoch)
                state.step += 1
                bar.advance(state.step)
                if stop.made:
                    break
            done = state.step % tiling.groups == 0
            if folder is not None and (stop.made or done):
                save_checkpoint(folder, state, model)
            if done:
                bar.show(state.history[-1], X.nnz / max(time.monotonic() - began, 1e-9))
            if stop.made and state.step < end:
                if not done:
                    state.history.pop()  # the checkpoint keeps it: the cost of the epoch's rounds so far
                done_epochs = f"{state.step / tiling.groups:.1f} of {method.epochs} epochs"
                raise KeyboardInterrupt(stopped_message(folder, done_epochs))


def checked(cost: float, epoch: int) -> float:
    """Give the cost back, unless it is no number."""
    if not np.isfinite(cost):
        raise diverged(f"the cost is {cost} in epoch {epoch + 1}")
    return cost
