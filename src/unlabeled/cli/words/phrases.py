"""Phrases before training: words that belong together become one, pass by pass."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from unlabeled.counted import counted

if TYPE_CHECKING:
    from unlabeled.data.text.indexing.corpus import Corpus
    from unlabeled.methods.words.phrases import Phrases
    from unlabeled.methods.words.word_embedding import WordEmbedding

EXAMPLES = 8


def joined(
    sources: list[Path], method: WordEmbedding, passes: int, threshold: float, say: Callable[[str], None]
) -> tuple[Corpus, tuple[Phrases, ...]]:
    """Encode texts as a method would, with phrases joined; give them and the phrases, and say how many were found.

    Rare words are left out last, since before that they keep apart what does not belong together.

    Parameters
    ----------
    sources : list of Path
    method : WordEmbedding
        Its settings say how text becomes words and which of them count.
    passes : int
        One makes phrases of two words, two of up to four, and so on.
    threshold : float
        As in `unlabeled.Phrases`.
    say : callable
        Receives a sentence at each pass.
    """
    from unlabeled.data.text.indexing.corpus import Corpus
    from unlabeled.methods.words.phrases import Phrases

    method._check()
    corpus = Corpus.encode(
        sources, tokenizer=method.tokenizer, errors=method.errors, cache=method.cache, progress=method.progress
    )
    found: list[Phrases] = []
    for turn in range(1, passes + 1):
        phrases = Phrases(threshold=threshold, tokenizer=method.tokenizer).fit(corpus)
        corpus = phrases.transform(corpus)
        spelled = {phrases.delimiter.join(pair) for pair in phrases.phrases_}
        common = [word for word in corpus.vocabulary.words if word in spelled][:EXAMPLES]
        examples = f", such as {', '.join(common)}" if common else ""
        say(f"Pass {turn} found {counted(len(spelled), 'phrase')}{examples}")
        if not spelled:
            break
        found.append(phrases)
    return corpus.trimmed(method.min_count, method.max_vocab), tuple(found)
