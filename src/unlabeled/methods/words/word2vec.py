"""What skip-gram and CBOW have in common: everything but which word predicts which."""

from __future__ import annotations

import math
import numbers
import os
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.text.indexing.corpus import Corpus
from unlabeled.data.text.indexing.vocabulary import Vocabulary
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.methods.words.counting.unseen_words import Unseen
from unlabeled.methods.words.lookup.opened_vectors import opened_vectors
from unlabeled.methods.words.prediction.trained_embedding import TrainedEmbedding
from unlabeled.methods.words.prediction.training import Model, train
from unlabeled.methods.words.word_embedding import CIRCUMSTANCES, check_neighbours
from unlabeled.methods.words.word_vectors import WordVectors
from unlabeled.setting_checks import check_whole_settings
from unlabeled.training.control.run_state import State


class Word2Vec(TrainedEmbedding, ABC):
    """Base of skip-gram and CBOW, which say what their `_model` is.

    Parameters
    ----------
    window : int, default 5
        Largest distance at which a word is context; for each word a radius is drawn uniformly from 1 to this, so near
        words count more.
    loss : {"negative", "hierarchical", "full"}, default "negative"
        Tell the word from drawn ones; or find it along a Huffman tree; or the softmax over all words, which is for
        small vocabularies.
    negatives : int, default 5
        Drawn words a pair, in proportion to their count to the power 0.75; for ``loss="negative"``.
    subsample : float, optional, default 1e-3
        t: a word of share f of the text is kept with probability min(1, √(t/f) + t/f). None keeps all.
    learning_rate, min_learning_rate : float, default 0.025 and 1e-4
        At the start and at the end; it falls linearly with the words read, over all epochs.
    epochs : int, default 5
        Passes over the text.
    subwords : (int, int), optional
        Shortest and longest character n-grams that take part in a word's vector, so that unseen words have one too.
    held_out : float, optional
        Share of the sentences, spread evenly, that is kept out of training to measure `held_out_loss_`.
    deterministic : bool, default False
        The same bits for any number of workers, by training on one thread, and all products in float32: with n
        processors about n times slower.
    initial : WordVectors, path, or fitted SkipGram or CBOW, optional
        Vectors to go on from, of the same `dim`. Words that they lack start at random; words that only they have are
        kept as they are, after the others. Of a fitted method, the context vectors are gone on from too.
    checkpoint : path, optional
        Folder in which training is saved after each epoch and at Ctrl-C, for `fit(..., resume=True)`.

    Attributes
    ----------
    context_vectors_ : ndarray of float32
        The second vector of each word, c in exp(c·v); with a Huffman tree, one of each inner node.
    history_ : list of dict
        Loss on a fixed sample of the text and learning rate as training went on.
    held_out_loss_ : float
        True average of the loss over the text held out; only with `held_out`.
    """

    principle: ClassVar[str] = "words"

    watched_words: ClassVar[int] = 1000

    window: int = 5
    loss: Literal["negative", "hierarchical", "full"] = "negative"
    negatives: int = 5
    subsample: float | None = 1e-3
    learning_rate: float = 0.025
    min_learning_rate: float = 1e-4
    epochs: int = 5
    subwords: tuple[int, int] | None = None
    held_out: float | None = None
    deterministic: bool = False
    initial: Any = None
    checkpoint: str | os.PathLike[str] | None = None

    @abstractmethod
    def _model(self, vocabulary: Vocabulary) -> Model:
        """Make the untrained matrices, the kernel and the exact loss; `self.seed_` is set."""

    def _word_vectors(self, model: Model) -> WordVectors:
        """Read the words' vectors off the trained matrices."""
        words, counts = self.vocabulary_.words, self.vocabulary_.counts
        if model.subwords is not None:
            unseen = model.subwords.unseen(model.inputs, self.dim)
            return WordVectors(words, model.subwords.composed(model.inputs)[:, : self.dim], counts, oov=unseen)
        return WordVectors(words, model.inputs[: len(words), : self.dim], counts)

    def fit(self, X: Any, y: Any = None, *, resume: bool = False) -> Self:
        """Learn vectors of the words of a text.

        Parameters
        ----------
        X : path, list of paths, folder, list of strings, iterable of token lists, or Corpus
            The text; a string is the path of a text file, plain or compressed (see `Corpus.encode`).
        y : ignored
            There for scikit-learn's sake.
        resume : bool, default False
            Go on from the checkpoint in the folder `checkpoint`; with `deterministic`, to the same bits as without
            the interruption.

        Returns
        -------
        self

        Raises
        ------
        UnlabeledError
            If the text or a setting is not usable.
        KeyboardInterrupt
            After Ctrl-C; what was learnt so far is kept, and saved if `checkpoint` is set.
        """
        return self._fit(X, resume)

    def _learn(self, corpus: Corpus, resume: bool = False) -> WordVectors:
        if len(corpus.vocabulary) < 2:
            raise UnlabeledError(
                f"the vocabulary has {len(corpus.vocabulary)} word; it takes at least 2. "
                f"Give more text, or lower min_count={self.min_count}"
            )
        check_neighbours(corpus)
        identity = {key: value for key, value in self.recipe().items() if key not in CIRCUMSTANCES}
        state = State(self.seed_, {**identity, "text": corpus.fingerprint})
        model = self._model(corpus.vocabulary)
        given = None if self.initial is None else opened_vectors(self.initial)
        if given is not None:
            self._go_on_from(*given, model)
        self.__dict__.pop("held_out_loss_", None)  # of an earlier fit
        try:
            held_out_loss = train(self, corpus, model, state, resume)
        except KeyboardInterrupt:
            self._keep(model, state)
            raise
        if held_out_loss is not None:
            self.held_out_loss_ = held_out_loss
        vectors = self._keep(model, state)
        return vectors if given is None else self._append_words(given[0], model)

    def _go_on_from(self, vectors: WordVectors, method: Any, model: Model) -> None:
        """Start the matrices from given vectors, where they have the word."""
        if vectors.dim != self.dim:
            raise UnlabeledError(f"dim={self.dim}, but the initial vectors have {vectors.dim} numbers; set dim to that")
        rows = np.array([vectors.index.get(word, -1) for word in self.vocabulary_.words])
        known = np.flatnonzero(rows >= 0)
        if not len(known):
            raise UnlabeledError("no word of the text is among the initial vectors; are they of the same language?")
        model.inputs[known, : self.dim] = vectors.vectors[rows[known]]
        contexts = getattr(method, "context_vectors_", None)
        if contexts is not None and self.loss == method.loss != "hierarchical":
            model.outputs[known, : self.dim] = contexts[rows[known]]

    def _append_words(self, vectors: WordVectors, model: Model) -> WordVectors:
        """Keep the words that only the initial vectors have; they were seen 0 times."""
        others = [word for word in vectors.words if word not in self.vocabulary_]
        if not others:
            return self.vectors_
        words = [*self.vocabulary_.words, *others]
        counts = np.concatenate([self.vocabulary_.counts, np.zeros(len(others), np.int64)])
        self.vocabulary_ = Vocabulary(words, counts)
        rows = vectors.lookup(others).astype(np.float32)
        self.vectors_ = WordVectors(words, np.concatenate([self.vectors_.vectors, rows]), counts)
        if self.loss != "hierarchical":
            self.context_vectors_ = np.concatenate([model.outputs[:, : self.dim], np.zeros_like(rows)])
        return self.vectors_

    def _keep(self, model: Model, state: State) -> WordVectors:
        """Set the fitted attributes to what has been learnt so far."""
        self.seed_, self.history_ = state.seed, state.history
        self.context_vectors_ = model.outputs[:, : self.dim]
        self.vectors_ = self._word_vectors(model)
        return self.vectors_

    def _extras(self) -> dict[str, NDArray[Any]]:
        unseen = self.vectors_.oov
        ngrams = {"ngrams": unseen.table, "ngram_hashes": unseen.hashes} if isinstance(unseen, Unseen) else {}
        return {"context_vectors": self.context_vectors_, **ngrams}

    def _restore(self, extras: dict[str, NDArray[Any]]) -> None:
        self.context_vectors_ = extras["context_vectors"]
        if self.subwords is not None:
            self.subwords = (self.subwords[0], self.subwords[1])  # JSON knows lists only
            unseen = Unseen(*self.subwords, extras["ngram_hashes"], extras["ngrams"])
            known = self.vectors_
            self.vectors_ = WordVectors(known.words, known.vectors, self.vocabulary_.counts, oov=unseen)

    def _figures(self) -> dict[str, Any]:
        held_out = {"held_out_loss_": self.held_out_loss_} if hasattr(self, "held_out_loss_") else {}
        return {"history_": self.history_, **held_out}

    def _check(self) -> None:
        super()._check()
        check_whole_settings(self, "window", "negatives", "epochs")
        losses = ("negative", "hierarchical", "full")
        if self.loss not in losses:
            raise unknown_name("loss", str(self.loss), losses)
        for name in ("learning_rate", "min_learning_rate", "subsample"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, numbers.Real) and 0 < float(value) < math.inf):
                raise UnlabeledError(f"{name} must be above 0, got {value!r}")
        if self.min_learning_rate > self.learning_rate:
            raise UnlabeledError(
                f"min_learning_rate={self.min_learning_rate!r} is above learning_rate={self.learning_rate!r}"
            )
        if self.held_out is not None and not 0 < self.held_out <= 0.5:
            raise UnlabeledError(f"held_out is a share of the sentences above 0 and at most 0.5, got {self.held_out!r}")
        if self.initial is not None and self.subwords is not None:
            raise UnlabeledError("initial vectors are of whole words; leave out subwords")
        if self.subwords is not None:
            lengths = self.subwords if isinstance(self.subwords, tuple | list) else ()
            whole = all(isinstance(length, int | np.integer) for length in lengths)
            if len(lengths) != 2 or not whole or not 1 <= lengths[0] <= lengths[1]:
                raise UnlabeledError(
                    f"subwords are a shortest and a longest length of at least 1, such as (3, 6), got {self.subwords!r}"
                )
