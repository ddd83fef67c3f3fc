"""What is clustered or searched for outliers: a run, vectors, a table or documents, as rows of numbers."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from unlabeled.data import Vectors
from unlabeled.data.image.decode import SUFFIXES
from unlabeled.data.paths import existing, files_under, with_suffix_in
from unlabeled.data.tabular.table import Table
from unlabeled.data.tabular.tables import TABLES, has_lists, is_frame, narrowed
from unlabeled.data.text.documents import Documents
from unlabeled.data.text.tokenization.tokenizers import Tokenizer
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.modalities import Collection, modality_of, open_source
from unlabeled.runs.embedded_words import holds_words, open_embeddings
from unlabeled.runs.grouping.row_encoding import RowEncoding, of_documents
from unlabeled.search.metric import unit_rows

if TYPE_CHECKING:
    from unlabeled.runs.run import Run

Scale = Literal["auto", "unit", "standard", "none"]

ARRAYS = (".npy", ".npz")
DIMENSIONS = 100
"""To so many the words of documents are reduced: about what is usual for latent semantic analysis."""


@dataclass(frozen=True)
class Rows:
    """Rows of numbers that can be compared, with what is known of the instances they stand for.

    Attributes
    ----------
    array : ndarray of float32 or float64, shape (n, d)
    ids : list of str
    said : list of str
        How the rows were made, a sentence each.
    labels, classes
        As in `Vectors`; never used to make the rows.
    images : Collection or None
        Where the instances can be shown as pictures.
    table : Table or None
        Where the rows are those of a table of mixed columns.
    words : list of str or None
        Where the instances are texts, the words that are in them.
    counts : CSR matrix, shape (n, words), or None
        How often each of those words is in each text.
    weights : CSR matrix, shape (n, words), or None
        Their tf-idf, where the rows are made from it.
    encoding : RowEncoding or None
        What makes such rows of other instances.
    """

    array: NDArray[Any]
    ids: list[str]
    said: list[str]
    labels: NDArray[np.int64] | None = None
    classes: list[str] | None = None
    images: Collection | None = None
    table: Table | None = None
    words: list[str] | None = None
    counts: sp.csr_matrix | None = field(default=None, repr=False)
    weights: sp.csr_matrix | None = field(default=None, repr=False)
    encoding: RowEncoding | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.ids)


def open_rows(
    source: Any,
    *,
    scale: Scale = "auto",
    column: str | None = None,
    tokenizer: str | Tokenizer | None = None,
    limit: int | None = None,
    images: Any = None,
    random_state: int = 0,
) -> Rows:
    """Open what is to be compared, and bring it to a scale on which distances mean something.

    Parameters
    ----------
    source : path or object
        - The folder of a run: its embeddings, with their images where these can still be found.
        - Word vectors (``.vec``, ``.bin``, ``.safetensors``, also compressed) or the folder of a saved word method.
        - A parquet file with a column of lists (what ``unlabeled embed`` writes), ``.npy``, ``.npz`` or an array.
        - A ``.csv``, ``.tsv`` or ``.parquet`` file of mixed columns, or a data frame: see
          `unlabeled.data.tabular.table.Table`.
        - Text: a folder of files, a ``.txt`` file of one document a line, or a table with `column`. Documents become
          the tf-idf of their words, reduced to 100 dimensions by truncated singular values (latent semantic analysis).
    scale : {"auto", "unit", "standard", "none"}
        Rows to length 1, so that the angle between them counts; or columns to mean 0 and variance 1; or neither.
        ``"auto"``: ``"unit"`` for embeddings and documents, ``"standard"`` for tables, ``"none"`` for arrays.
    column : str, optional
        The column of a table that holds text to compare by.
    tokenizer : str or callable, optional
        How text becomes words: see `unlabeled.data.tokenize`. Refused for what is no text.
    limit : int, optional
        Of word vectors, only the first so many words. Refused for anything else.
    images : path or object, optional
        Images to show, by the ids of the rows.
    random_state : int, default 0
        Of the singular values.

    Returns
    -------
    Rows

    Raises
    ------
    UnlabeledError
        If the source is missing, empty, no such thing, or holds NaN.
    """
    if scale not in get_args(Scale):
        raise unknown_name("scale", scale, get_args(Scale))
    if limit is not None and not (isinstance(source, str | os.PathLike) and holds_words(Path(source))):
        raise UnlabeledError(f"a limit is for word vectors, and {source} holds none; leave it out")
    rows, usual = _opened(source, column, tokenizer, limit, scale, random_state)
    if tokenizer is not None and rows.words is None:
        raise UnlabeledError(f"a tokenizer ({tokenizer}) is for text, and {source} is none; leave it out")
    wanted = usual if scale == "auto" else scale
    encoding = (rows.encoding or RowEncoding(rows.array.shape[1])).scaled(wanted, rows.array)
    array, how = rows.array, []
    if wanted == "unit":
        array, how = unit_rows(array), ["rows are scaled to length 1, so that their direction counts"]
    elif wanted == "standard" and rows.table is None:
        array, how = encoding.rescale(array), ["columns are scaled to mean 0 and variance 1"]
    shown = rows.images if images is None else _images(images, rows.ids)
    return replace(rows, array=array, said=rows.said + how, images=shown, encoding=encoding)


def _opened(
    source: Any,
    column: str | None,
    tokenizer: str | Tokenizer | None,
    limit: int | None,
    scale: Scale,
    random_state: int,
) -> tuple[Rows, Scale]:
    """Open a source; give its rows and the scale that is usual for them."""
    if not isinstance(source, str | os.PathLike):
        if column is not None:
            raise UnlabeledError(f"column={column!r} is for tables in files, and this is a {type(source).__name__}")
        return (_table(source, scale), "standard") if is_frame(source) else (_vectors(Vectors(source)), "none")
    path = existing(os.fspath(source))
    suffix = path.suffix.lower()
    if column is not None:
        return _documents(path, column, tokenizer, random_state), "unit"
    if holds_words(path):
        return _words(path, limit), "unit"
    if path.is_dir():
        if (path / "run.json").exists():
            from unlabeled.runs.run import Run  # its encoder brings torch

            return _run(Run(path), tokenizer), "unit"
        return _folder(path, tokenizer, random_state), "unit"
    if suffix in ARRAYS:
        return _vectors(Vectors(path)), "none"
    if suffix == ".parquet" and has_lists(path):
        return _vectors(Vectors(path)), "unit"
    if suffix in TABLES:
        return _table(path, scale), "standard"
    if suffix in SUFFIXES:
        raise UnlabeledError(f"{path} is one picture; to cut it into parts: unlabeled segment {quote(str(path))}")
    return _documents(path, None, tokenizer, random_state), "unit"


def _words(path: Path, limit: int | None) -> Rows:
    found, said = open_embeddings(path, limit)
    return Rows(found.vectors, found.ids, said)


def _run(run: Run, tokenizer: str | Tokenizer | None) -> Rows:
    found = run.embeddings
    rows = Rows(found.vectors, found.ids, [], found.labels, found.classes)
    try:
        if modality_of(run.source).has_pictures:
            return replace(rows, images=run.source)
        texts = whole_texts(run)
        if texts is not None:
            counted = Documents.count(texts, tokenizer=tokenizer)
            return replace(rows, words=counted.words, counts=counted.counts)
    except UnlabeledError as error:
        return replace(rows, said=[str(error)])
    return rows


def whole_texts(run: Run) -> list[str] | None:
    """Give the texts of a run in the order of its embeddings; None if it is over something else.

    Raises
    ------
    UnlabeledError
        If the data, or some of the texts, are no longer there.
    """
    source = run.source
    texts = modality_of(source).whole_texts(source)
    if texts is None:
        return None
    text_of = dict(zip(source.ids, texts, strict=True))
    if missing := [name for name in run.embeddings.ids if name not in text_of]:
        raise UnlabeledError(f"{len(missing):,} texts are no longer in {source.source}, such as {missing[0]!r}")
    return [text_of[name] for name in run.embeddings.ids]


def _vectors(vectors: Vectors) -> Rows:
    return Rows(narrowed(vectors.given), vectors.ids, [], vectors.labels, vectors.classes)


def _table(source: Any, scale: Scale) -> Rows:
    table = Table.read(source)
    standard = scale in ("auto", "standard")
    features = table.features(standard)
    said = [*table.remarks, *_decisions(table, standard)]
    encoding = RowEncoding(features.shape[1], table=table.encoding(standard))
    return Rows(features, table.ids, said, table.labels, table.classes, table=table, encoding=encoding)


def _decisions(table: Table, standard: bool) -> list[str]:
    """Say what each column is taken for, and how columns are compared."""
    names = {"numbers": list(table.numbers), "categories": list(table.categories)}
    names["names of the rows"] = [column for column, role in table.columns.items() if role == "id"]
    said = ["columns taken for " + "; for ".join(f"{kind}: {', '.join(of)}" for kind, of in names.items() if of)]
    if table.numbers and standard:
        said.append("numbers are scaled to mean 0 and variance 1")
    if table.categories:
        said.append(f"to differ in a category counts like {'one standard deviation' if standard else '1'}")
    return said


def _folder(folder: Path, tokenizer: str | Tokenizer | None, random_state: int) -> Rows:
    files = files_under(folder)
    if not files:
        raise UnlabeledError(f"{folder} is empty: there is nothing in it to compare")
    pictures = with_suffix_in(files, SUFFIXES)
    if 2 * len(pictures) > len(files):
        raise UnlabeledError(
            f"{folder} holds images, which must become vectors first: unlabeled learn {quote(str(folder))} --out run/, "
            "and then give run/ in its place"
        )
    return _documents(folder, None, tokenizer, random_state)


def _documents(path: Path, column: str | None, tokenizer: str | Tokenizer | None, random_state: int) -> Rows:
    """Count words, weigh them by tf-idf, and reduce them."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfTransformer

    documents = Documents.count(path, column=column, tokenizer=tokenizer)
    tf_idf = TfidfTransformer(sublinear_tf=True).fit(documents.counts)
    weights = sp.csr_matrix(tf_idf.transform(documents.counts))
    said = [f"{len(documents):,} documents of {len(documents.words):,} different words, weighed by tf-idf"]
    if documents.empty:
        said.append(f"{documents.empty:,} documents have no word that counts")
    most = min(DIMENSIONS, min(weights.shape) - 1)
    if most < 2:
        array, components = weights.toarray(), None
    else:
        svd = TruncatedSVD(most, random_state=random_state)
        array = svd.fit_transform(weights)
        components = svd.components_
        said.append(f"and reduced to {most} dimensions (latent semantic analysis)")
    encoding = of_documents(documents.words, tf_idf.idf_, components, tokenizer)
    return Rows(
        array.astype(np.float32),
        documents.ids,
        said,
        words=documents.words,
        counts=documents.counts,
        weights=weights,
        encoding=encoding,
    )


def _images(source: Any, ids: list[str]) -> Collection:
    """Open the images to show, and see that the rows are theirs."""
    opened = open_source(source)
    if not modality_of(opened).has_pictures:
        raise UnlabeledError(f"{source} holds no images to show")
    if missing := modality_of(opened).missing(opened, ids):
        raise UnlabeledError(
            f"{len(missing):,} of the {len(ids):,} ids are no images in {source}, such as {min(missing)!r}"
        )
    return opened
