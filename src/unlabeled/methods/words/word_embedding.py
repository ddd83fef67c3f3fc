"""The estimator every word method is: text comes in, a vector for each of its words goes out."""

from __future__ import annotations

import numbers
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.text.indexing.corpus import Corpus
from unlabeled.data.text.indexing.vocabulary import Vocabulary
from unlabeled.data.text.tokenization.tokenizers import LostTokenizer, is_unspaced, tokenize
from unlabeled.errors import UnlabeledError
from unlabeled.estimator import Estimator
from unlabeled.files import folder_written_aside, load_arrays, read_json, refuses_damage, save_arrays, write_json
from unlabeled.kernels.processors import processor_count
from unlabeled.methods.words.phrases import Phrases
from unlabeled.methods.words.sentence_vectors import weighted_means
from unlabeled.methods.words.word_vectors import WordVectors
from unlabeled.setting_checks import check_whole_settings

# Settings that say where and how a run computes and shows itself; changing them does not make it another run.
CIRCUMSTANCES = {"workers", "cache", "checkpoint", "progress"}

VECTORS, EXTRAS, MODEL, PHRASES = "vectors.safetensors", "extras.safetensors", "model.json", "phrases.json"


class WordEmbedding(Estimator, ABC):
    """Base of the word methods. A method says how to `_learn` vectors from an encoded corpus.

    Parameters
    ----------
    min_count : int, default 5
        Words seen less often are left out, and what is left moves together.
    max_vocab : int, optional
        Keep only so many words, the most frequent ones.
    tokenizer : {"words", "whitespace"} or callable, default "words"
        How a line becomes words; see `Corpus.encode`.
    errors : {"strict", "replace"}, default "strict"
        What to do about bytes that are not UTF-8: refuse the text, naming the line, or take them for U+FFFD.
    cache : path, optional
        Folder in which the encoded corpus is kept for the next run.
    random_state : int, RandomState or None, default None
        Seed of everything random.
    progress : bool, optional
        Show a progress bar; by default on a terminal and in a notebook.

    Attributes
    ----------
    vectors_ : WordVectors
        What was learnt.
    vocabulary_ : Vocabulary
        The words and how often each was seen.
    seed_ : int
        The seed that was used.
    phrases_ : tuple of Phrases
        How words of the text were joined before, pass by pass, so that `transform` joins them too. Set it yourself if
        you have joined a text by `Phrases`; the command line's ``--phrases`` does. It is saved with the model.
    """

    principle: ClassVar[str] = "words"

    modalities: ClassVar[tuple[str, ...]] = ("text",)

    min_count: int = 5
    max_vocab: int | None = None
    tokenizer: str | Callable[[str], Iterable[str]] | None = "words"
    errors: Literal["strict", "replace"] = "strict"
    cache: str | os.PathLike[str] | None = None
    random_state: int | None = None
    progress: bool | None = None

    @abstractmethod
    def _learn(self, corpus: Corpus, resume: bool = False) -> WordVectors:
        """Learn a vector for each word of the corpus's vocabulary, in its order; `self.seed_` is set."""

    def _check(self) -> None:
        """Refuse settings that cannot be meant; a method adds its own."""
        check_whole_settings(self, "min_count", "max_vocab")

    def _extras(self) -> dict[str, NDArray[Any]]:
        """Give what `save` keeps beside the vectors, by name; `_restore` receives the same."""
        return {}

    def _restore(self, extras: dict[str, NDArray[Any]]) -> None:
        """Take back what `_extras` gave; `vectors_`, `vocabulary_` and the parameters are set."""

    def _figures(self) -> dict[str, Any]:
        """Give fitted attributes in JSON's types; `load` sets them again under the same names."""
        return {}

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn vectors of the words of a text.

        Parameters
        ----------
        X : path, list of paths, folder, list of strings, iterable of token lists, or Corpus
            The text; a string is the path of a text file, plain or compressed (see `Corpus.encode`).
        y : ignored
            There for scikit-learn's sake.

        Returns
        -------
        self

        Raises
        ------
        UnlabeledError
            If the text or a setting is not usable.
        """
        return self._fit(X)

    def _fit(self, X: Any, resume: bool = False) -> Self:
        self._check()
        if resume and getattr(self, "checkpoint", None) is None:
            raise UnlabeledError("resume=True needs the folder of the checkpoint; set checkpoint=...")
        corpus = self._encode(X)
        self._begin(corpus)
        self.vectors_ = self._learn(corpus, resume)
        return self

    def _encode(self, X: Any) -> Corpus:
        return Corpus.encode(
            X,
            tokenizer=self.tokenizer,
            min_count=self.min_count,
            max_vocab=self.max_vocab,
            errors=self.errors,
            cache=self.cache,
            progress=self.progress,
        )

    def _begin(self, corpus: Corpus) -> None:
        """Set the fitted attributes that are known before learning."""
        self.vocabulary_ = corpus.vocabulary
        self.phrases_: tuple[Phrases, ...] = ()
        self.seed_ = drawn_seed(self.random_state)
        self.provenance_: dict[str, Any] = {
            "data": {"kind": "text", "tokens": int(corpus.tokens), "fingerprint": corpus.fingerprint},
            "training": {"seed": self.seed_},
        }

    def transform(self, X: Sequence[str]) -> NDArray[np.float32]:
        """Look up words, and average them over texts.

        Parameters
        ----------
        X : sequence of str, length n
            Words. What is no word of the vocabulary and holds white space, or characters of a script that puts none
            between words, is a text: it is cut into words by the tokenizer, and its vector is the mean of those of its
            known words. `SentenceVectors` averages better.

        Returns
        -------
        ndarray of float32, shape (n, dim)
            Zeros, with a warning, for a text of which no word has a vector.

        Raises
        ------
        UnknownWordError
            For a word without a vector; the message suggests the nearest ones.
        UnlabeledError
            For what is no word, such as a number.
        """
        self._check_is_fitted()
        X = X.detach().cpu().tolist() if hasattr(X, "detach") else X
        if isinstance(X, str):
            raise UnlabeledError(f"transform takes a sequence of words, got the string {X!r}; write [{X!r}]")
        items = np.asarray(X, dtype=object).ravel().tolist()
        for place, item in enumerate(items):
            if not isinstance(item, str):
                raise UnlabeledError(f"transform takes words, and what stands in place {place} is {item!r:.60}")
        texts = [item for item in items if item not in self.vectors_.index and _is_text(item)]
        if not texts:
            return np.asarray(self.vectors_[items], dtype=np.float32).reshape(-1, self.vectors_.dim)
        means = dict(zip(texts, weighted_means(self.vectors_, [self._words(text) for text in texts]), strict=True))
        return np.stack([means[item] if item in means else self.vectors_[item] for item in items]).astype(np.float32)

    def _words(self, text: str) -> list[str]:
        """Cut a text into words as in training, and join its phrases."""
        words = tokenize(text, self.tokenizer)
        for phrases in self.phrases_:
            words = phrases.join(words)
        return words

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Save as a folder of safetensors and JSON, replaced in one step if it exists.

        A tokenizer of your own is not saved: `load` gives an estimator whose vectors are the same, but which must be
        given the tokenizer again before it can cut texts, in `transform` and in another `fit`.
        """
        self._check_is_fitted()
        with folder_written_aside(folder) as aside:
            self.vectors_.save(aside / VECTORS)
            extras = {"counts": self.vocabulary_.counts, **self._extras()}
            save_arrays(extras, aside / EXTRAS)
            if self.phrases_:
                write_json(aside / PHRASES, [phrases.to_dict() for phrases in self.phrases_])
            write_json(aside / MODEL, {**self.recipe(), **self.provenance_, "fitted": self._figures()})

    @classmethod
    @refuses_damage
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """Load what `save` wrote; the result has the same vectors bit for bit."""
        folder = Path(folder)
        saved = read_json(folder / MODEL)
        # Vectors are not saved twice: those that were learnt are here.
        settings = {name: value for name, value in saved.items() if name != "initial"}
        self = cls._of_recipe(settings | {"tokenizer": LostTokenizer.of(saved["tokenizer"])})
        extras = load_arrays(folder / EXTRAS)
        self.vectors_ = WordVectors.load(folder / VECTORS)
        self.vocabulary_ = Vocabulary(list(self.vectors_.words), extras.pop("counts"))
        self.provenance_ = {key: saved[key] for key in ("data", "training")}
        self.seed_ = self.provenance_["training"]["seed"]
        for name, value in saved["fitted"].items():
            setattr(self, name, value)
        saved_phrases = read_json(folder / PHRASES) if (folder / PHRASES).exists() else []
        self.phrases_ = tuple(map(Phrases.from_dict, saved_phrases))
        self._restore(extras)
        return self

    def _check_is_fitted(self) -> None:
        if not hasattr(self, "vectors_"):
            from sklearn.utils.validation import check_is_fitted

            check_is_fitted(self)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "vectors_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.no_validation = True
        return tags


def _is_text(item: str) -> bool:
    """Tell a text from a word that is not known."""
    return len(item.split()) > 1 or any(map(is_unspaced, item))


def check_neighbours(corpus: Corpus) -> None:
    """Refuse a text in which no word has a neighbour, from which nothing can be learnt.

    Raises
    ------
    UnlabeledError
        If no sentence has two words of the vocabulary.
    """
    if np.diff(corpus.offsets).max() < 2:
        raise UnlabeledError(
            f"no sentence of the {len(corpus):,} has two words of the vocabulary, so no word has a neighbour to learn "
            "from. Each string of a list is one sentence: for a text that is cut into words already, give a list of "
            "such lists, [words]; or give more text, or lower min_count"
        )


def drawn_seed(random_state: int | np.random.RandomState | None) -> int:
    """Draw a seed from what a setting `random_state` means: a seed, a RandomState, or NumPy's own for None."""
    if random_state is None:
        return int(np.random.randint(2**31))  # noqa: NPY002 - scikit-learn takes NumPy's global generator too
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    if isinstance(random_state, numbers.Integral) and not isinstance(random_state, bool) and 0 <= random_state < 2**32:
        return int(np.random.RandomState(int(random_state)).randint(2**31))
    raise UnlabeledError(
        f"random_state is a whole number from 0 to 2³² − 1, a RandomState or None, got {random_state!r}"
    )


def worker_count(workers: int | None) -> int:
    """Give the number of threads a setting `workers` means: that many, or one for each processor we may use."""
    return workers or processor_count()
