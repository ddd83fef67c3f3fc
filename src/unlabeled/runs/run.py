"""A run: a folder that holds what was learnt and everything one needs to use it."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unlabeled.data import Instances
from unlabeled.encoders import Encoder, embed, load_encoder
from unlabeled.errors import UnlabeledError
from unlabeled.files import read_json
from unlabeled.modalities import Collection, Settings, modality, modality_of, open_instances, open_source
from unlabeled.runs.embeddings import CAPTIONS, Embeddings, named_embeddings, read_embeddings
from unlabeled.runs.staging import ADDED, finish_abandoned_move, read_about
from unlabeled.search import ExactStore, LanceStore, Neighbours, VectorStore
from unlabeled.search.metric import checked_metric


class Run:
    """What `learn` left in a folder: encoder, embeddings, index, figures, pictures and a report.

    Parameters
    ----------
    folder : path
        A folder written by `unlabeled.runs.learn` or the command ``unlabeled learn``.

    Raises
    ------
    UnlabeledError
        If the folder holds no run, or one that was not finished.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise UnlabeledError(
                f"{self.folder} is not a folder; a run is made by: unlabeled learn <data> --out <folder>"
            )
        finish_abandoned_move(self.folder)
        if not (self.folder / "run.json").exists():
            raise UnlabeledError(f"{self.folder} holds no run; a run is made by: unlabeled learn <data> --out <folder>")
        self.about = read_about(self.folder)
        if not self.about.get("complete"):
            source, folder = quote(str(self.about.get("source", "<data>"))), quote(str(self.folder))
            raise UnlabeledError(
                f"the run in {self.folder} was not finished; go on with: "
                f"unlabeled learn {source} --out {folder} --resume"
            )

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    @cached_property
    def method(self) -> Any:
        """The fitted method, with all of its network."""
        from unlabeled.registry import load

        return load(self.folder / "model")

    @cached_property
    def encoder(self) -> Encoder:
        """The network that was learnt."""
        return load_encoder(self.folder / "model")

    @cached_property
    def embeddings(self) -> Embeddings:
        """Vectors, ids and, where there are any, labels of the instances it was learnt from."""
        return read_embeddings(self.folder / "embeddings.parquet")

    @cached_property
    def added(self) -> Embeddings:
        """Vectors, ids and labels of the instances that were added to the index later."""
        if not (self.folder / ADDED).exists():
            return Embeddings([], np.empty((0, self.embeddings.vectors.shape[1]), np.float32))
        return read_embeddings(self.folder / ADDED)

    @cached_property
    def added_from(self) -> dict[str, str]:
        """For each instance that was added, the data that it is of, as a path."""
        if not (self.folder / ADDED).exists():
            return {}
        from unlabeled.data.tabular.parquet import read_parquet

        table = read_parquet(self.folder / ADDED, ["id", "source"])
        return dict(zip(table["id"].to_pylist(), table["source"].to_pylist(), strict=True))

    @cached_property
    def indexed(self) -> Embeddings:
        """Everything that a search finds: what the run learnt from, and what was added or replaced."""
        parts = [self.embeddings, self.added]
        if not len(self.added):
            return self.embeddings
        kept = [row for row, name in enumerate(self.embeddings.ids) if name not in self.added.position]
        ids = [*(self.embeddings.ids[row] for row in kept), *self.added.ids]
        vectors = np.concatenate([self.embeddings.vectors[kept], self.added.vectors])
        if all(part.label_names is None for part in parts):
            return Embeddings(ids, vectors)
        one, other = (part.label_names or [None] * len(part) for part in parts)
        return named_embeddings(ids, vectors, [*(one[row] for row in kept), *other])

    @cached_property
    def captions(self) -> Embeddings | None:
        """Vectors of the different captions it was learnt from, each its own id; None of a run without captions."""
        return read_embeddings(self.folder / CAPTIONS) if self.about.get("captions") else None

    @cached_property
    def store(self) -> LanceStore:
        """The index over the embeddings."""
        return LanceStore.open(self.folder / "index")

    def forget(self) -> None:
        """Read what was added, and the index, anew when they are asked for."""
        for name in ("added", "added_from", "indexed", "store"):
            self.__dict__.pop(name, None)

    @property
    def metrics(self) -> dict[str, Any]:
        """The figures in metrics.json."""
        figures: dict[str, Any] = read_json(self.folder / "metrics.json")
        if not isinstance(figures, dict):
            raise UnlabeledError(f"{self.folder / 'metrics.json'} is damaged; unlabeled evaluate writes it again")
        return figures

    @cached_property
    def source(self) -> Collection:
        """The data it was learnt from, for showing pictures and for baselines."""
        path = self.about.get("source")
        if path is None or not Path(path).exists():
            raise UnlabeledError(f"the data of {self.folder} are no longer at {path}; pictures need them there")
        return self.open_as_its_own(path)

    @property
    def kind(self) -> str | None:
        """The modality of the data it was learnt from, by name; None if its description does not tell."""
        kind: str | None = self.about.get("data", {}).get("kind")  # not the encoder's, whose loading takes a second
        return kind

    @property
    def has_pictures(self) -> bool:
        """Whether its instances can be shown as pictures; true too if its description does not tell their kind."""
        return self.kind is None or modality(self.kind).has_pictures

    def open_as_its_own(self, source: Any) -> Collection:
        """Open data as the run's own were: the kind, the column of texts, and what is one text are the same."""
        return open_source(source, self.opening(() if self.kind is None else (self.kind,)), first=False)

    def learnt_from(self, instances: Instances) -> bool:
        """Tell whether prepared instances are those that it was learnt from, by their names and contents."""
        rows = modality_of(instances).distinct(instances)
        same: bool = instances.fingerprint == self.about["data"]["fingerprint"]
        return same and [instances.ids[row] for row in rows] == self.embeddings.ids

    def opening(self, kinds: tuple[str, ...], workers: int | None = None) -> Settings:
        """Give the settings by which the run's own data were opened, and others like them are."""
        recipe = self.about.get("recipe", {})
        column, unit = recipe.get("column"), recipe.get("unit", "line")
        return Settings(column=column, unit=unit, modalities=kinds, workers=workers)

    def embed(
        self, source: Any, *, on_error: Literal["raise", "skip"] = "raise", workers: int | None = None
    ) -> Embeddings:
        """Embed other instances with the same preprocessing.

        Parameters
        ----------
        source : anything `unlabeled.modalities.open_source` takes, or a data object
        on_error : {"raise", "skip"}, default "raise"
            What to do with an image that cannot be read.
        workers : int, optional
            Threads that decode images.
        """
        wanted = self.encoder.preprocessing
        # An encoder of pairs takes images or texts alone as well, so what the source is must not be settled before.
        kinds = () if modality_of(wanted).halves else (wanted.kind,)
        instances, _ = open_instances(source, self.opening(kinds, workers), wanted, on_error)
        vectors = embed(self.encoder, instances)
        skipped = tuple(getattr(instances, "skipped", ()))
        return Embeddings(list(instances.ids), vectors, instances.labels, instances.classes, skipped)

    def search(self, query: Any, k: int = 12, where: str | None = None, metric: str = "cosine") -> Neighbours:
        """Find the instances nearest to a query.

        Parameters
        ----------
        query : str, path, image, or array of shape (dim,) or (q, dim)
            A string is a file if there is one of that kind, else the id of an instance of the index if there is one,
            else words, if the run knows words. Or an image, or vectors already embedded, as floats.
        k : int, default 12
            Neighbours to find; an instance that is itself in the run is its own first neighbour.
        where : str, optional
            SQL condition on the metadata, such as ``"label = 'cat'"``.
        metric : {"cosine", "euclidean", "inner_product"}, default "cosine"
            What near means. The index of the run is made for ``"cosine"``; for another metric all vectors are compared.
        """
        store: VectorStore = self.store
        if checked_metric(metric) != store.metric:
            names = self.indexed.label_names
            metadata = None if names is None else {"label": names}
            store = ExactStore.build(self.indexed.ids, self.indexed.vectors, metadata, metric=metric)
        return store.query(self.query_vectors(query), k, where=where)

    def search_captions(self, query: Any, k: int = 12, metric: str = "cosine") -> Neighbours | None:
        """Find the captions nearest to a query, which `search` takes; None if the run has learnt from no captions."""
        if self.captions is None:
            return None
        store = ExactStore.build(self.captions.ids, self.captions.vectors, metric=checked_metric(metric))
        return store.query(self.query_vectors(query), k)

    def query_vectors(self, query: Any) -> NDArray[np.float32]:
        """Give the vectors, shape (q, dim), that a query stands for."""
        kind = modality_of(self.encoder.preprocessing)
        if kind.is_embedded(query, self.encoder.dim):
            return np.atleast_2d(query).astype(np.float32)
        named = isinstance(query, (str, os.PathLike))
        if named and not kind.opens_file(query) and str(query) in self.indexed.position:
            return self.indexed.vectors[[self.indexed.position[str(query)]]]
        if named and not kind.accepts_query(query):
            help_ = (
                "Words to search with do not end as the name of an image does"
                if "text" in kind.halves
                else f"This run knows {kind.name}s, not words; to search images by words, learn from images with "
                "captions: unlabeled learn pairs.parquet --method clip"
            )
            raise UnlabeledError(f"{query} is neither a file nor the id of an instance in {self.folder}. {help_}")
        return self.embed(kind.open_query(query)).vectors
