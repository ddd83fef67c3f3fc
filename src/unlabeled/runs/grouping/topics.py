"""Topics of a collection of texts: a page to read, a table of who is about what, and the model."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.text.document_texts import read_texts
from unlabeled.data.text.documents import Documents
from unlabeled.errors import UnlabeledError
from unlabeled.estimator import name_of
from unlabeled.files import check_output_folder, folder_written_aside, write_json
from unlabeled.registry import method as registered
from unlabeled.registry import methods
from unlabeled.runs.grouping.topics_summary import EXAMPLES, WORDS, excerpt, topics_summary
from unlabeled.runs.grouping.write_table import masked, write_table
from unlabeled.runs.showing.page import write_page

if TYPE_CHECKING:
    from unlabeled.methods.mixture.topics.topic_model import TopicModel


def topics(
    source: Any,
    out: str | os.PathLike[str],
    *,
    k: int = 20,
    method: str = "auto",
    encoder: str | None = None,
    column: str | None = None,
    tokenizer: str | Callable[[str], Iterable[str]] | None = "words",
    stop_words: str | Sequence[str] | None = "english",
    min_df: int | float = 2,
    max_df: int | float = 0.5,
    max_features: int | None = None,
    random_state: int = 0,
    overwrite: bool = False,
    progress: bool | None = None,
) -> dict[str, Any]:
    """Find the topics of texts, and describe them in a folder.

    Parameters
    ----------
    source : path or list of strings
        The folder of a run over texts; or texts: of a folder each file is a document, of a table each row, of a text
        file each line, see `Documents.count`.
    out : path
        The folder to write: ``topics.html`` to read, ``topics.json`` with the same figures, ``documents.parquet`` with
        the main topic of each document, its share, and the shares of all topics as a vector, and ``model/``, which
        `unlabeled.load` opens.
    k : int, default 20
        Topics.
    method : {"auto", "latent_dirichlet_allocation", "plsa", "clusters"}, default "auto"
        `unlabeled.LatentDirichletAllocation`, for short ``"lda"``, or `unlabeled.PLSA`; or clusters of the texts'
        vectors, named by their words (see `unlabeled.explore.class_tf_idf`), as BERTopic does. ``"auto"`` takes
        clusters of a run or where there is an `encoder`, and LDA otherwise.
    encoder : str, optional
        What makes vectors of texts, for clusters: a run, a folder with a saved encoder, or ``"transformers:<name>"``.
    column, tokenizer, stop_words, min_df, max_df, max_features
        Which words count, as in `Documents.count`; by default those that are in at least 2 documents and in at most
        half of them.
    random_state : int, default 0
        Of the start.
    overwrite : bool, default False
        Replace topics that are already in `out`.
    progress : bool, optional
        Show a progress bar; by default on a terminal.

    Returns
    -------
    dict
        What ``topics.json`` holds. Topics are numbered by size, from 0. With clusters words have a ``weight`` in place
        of a ``probability``, and documents a ``similarity`` (the cosine to the mean of the cluster) in place of a
        ``share``.

    Raises
    ------
    UnlabeledError
        If there is no text, no word is left, there are more topics than documents, or `out` holds something.

    Examples
    --------
    >>> import tempfile
    >>> texts = ["cats purr, cats sleep", "dogs bark, dogs run", "the cat: cats purr", "the dog: dogs that bark"]
    >>> found = topics(texts, tempfile.mkdtemp() + "/topics", k=2, min_df=1)
    >>> sorted(topic["words"][0]["word"] for topic in found["topics"])
    ['cats', 'dogs']
    """
    folder = Path(out)
    check_output_folder(folder, [source, encoder], kind="result", overwrite=overwrite)
    filters: dict[str, Any] = {
        "tokenizer": tokenizer,
        "stop_words": stop_words,
        "min_df": min_df,
        "max_df": max_df,
        "max_features": max_features,
    }
    of_run = isinstance(source, str | os.PathLike) and (Path(source) / "run.json").exists()
    if method == "clusters" or (method == "auto" and (of_run or encoder is not None)):
        from unlabeled.runs.grouping.cluster_topics import cluster_topics  # its encoder brings torch

        return cluster_topics(source, folder, k=k, encoder=encoder, column=column, random_state=random_state, **filters)
    if of_run or encoder is not None:
        raise UnlabeledError(f"{method} finds topics in words, not in vectors; leave out --method, or give the texts")
    texts, ids = read_texts(source, column)
    # This brings scikit-learn and Numba, so texts that are not there are told first.
    kind = _kind("lda" if method == "auto" else method)
    counted = Documents.count(texts, **filters)
    documents = Documents(counted.counts, counted.words, ids)
    model = kind(k, **filters, random_state=random_state, progress=progress).fit(documents)
    model.reorder(np.argsort(-model.weights_, kind="stable"))  # what is saved has the numbers that are shown
    shares = model.transform(documents)
    main = np.where(np.diff(documents.counts.indptr) > 0, shares.argmax(axis=1), -1)
    listed = _described(model, shares, main, texts, documents)
    summary = topics_summary(source, listed, documents, method=name_of(kind), k=k)
    with folder_written_aside(folder, "result") as aside:
        write_json(aside / "topics.json", summary)
        _write_documents(ids, main, shares, aside / "documents.parquet")
        shown = summary | {"name": folder.resolve().name, "method": type(model).__name__}
        shown |= {"measure": "probability", "degree": "share"}
        write_page("topics.html", aside / "topics.html", **shown)
        model.save(aside / "model")
    return summary


def _kind(name: str) -> type[TopicModel]:
    """Find a topic model by any name that `unlabeled methods` knows."""
    from unlabeled.methods.mixture.topics.topic_model import TopicModel

    found = registered(name)
    if not issubclass(found, TopicModel):
        fit = ", ".join([*sorted(name for name, cls in methods().items() if issubclass(cls, TopicModel)), "clusters"])
        raise UnlabeledError(f"{found.__name__} finds no topics; these do: {fit}")
    return found


def _described(
    model: TopicModel,
    shares: NDArray[Any],
    main: NDArray[np.int64],
    texts: Sequence[str],
    documents: Documents,
) -> list[dict[str, Any]]:
    """Describe each topic: its words, its size, and the documents that are most about it."""
    found = []
    top_words = model.top_words(WORDS)
    for number in range(len(model.components_)):
        probabilities = np.sort(model.components_[number])[::-1][:WORDS].tolist()
        best = np.argsort(-np.where(main == number, shares[:, number], -1), kind="stable")[:EXAMPLES]
        examples = [
            {"id": documents.ids[row], "share": float(shares[row, number]), "text": excerpt(texts[row])}
            for row in best.tolist()
            if main[row] == number
        ]
        found.append(
            {
                "topic": number,
                "share": float(model.weights_[number]),
                "documents": int((main == number).sum()),
                "words": [
                    {"word": word, "probability": share}
                    for word, share in zip(top_words[number], probabilities, strict=True)
                ],
                "examples": examples,
            }
        )
    return found


def _write_documents(ids: list[str], main: NDArray[np.int64], shares: NDArray[Any], path: Path) -> None:
    """Write the topics of documents; the vector of shares can itself be clustered, mapped and searched."""
    import pyarrow as pa

    empty = main < 0
    flat = pa.array(np.ascontiguousarray(shares, dtype=np.float32).reshape(-1))
    columns = {
        "id": ids,
        "topic": masked(main, empty),
        "share": masked(shares.max(axis=1), empty),
        "vector": pa.FixedSizeListArray.from_arrays(flat, shares.shape[1]),
    }
    write_table(columns, path)
