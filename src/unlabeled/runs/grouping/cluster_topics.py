"""Topics as clusters of the vectors of texts, named by their words."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.text.document_texts import read_texts
from unlabeled.data.text.documents import Documents
from unlabeled.errors import UnlabeledError
from unlabeled.explore.class_tf_idf import class_tf_idf
from unlabeled.explore.clusters import clusters
from unlabeled.files import folder_written_aside, write_json
from unlabeled.runs.grouping.feature_matrix import whole_texts
from unlabeled.runs.grouping.topics_summary import EXAMPLES, WORDS, excerpt, topics_summary
from unlabeled.runs.grouping.write_table import write_table
from unlabeled.runs.run import Run
from unlabeled.runs.showing.page import write_page
from unlabeled.search.metric import unit_rows


def cluster_topics(
    source: Any, out: Path, *, k: int, encoder: str | None, column: str | None, random_state: int, **filters: Any
) -> dict[str, Any]:
    """Cluster texts by the direction of their vectors, name the clusters, and write the folder; see `topics`."""
    texts, ids, vectors, made_by = embedded(source, encoder, column)
    rows = unit_rows(vectors)
    found = clusters(rows, k, "kmeans", random_state)
    documents = Documents.count(texts, **filters)
    weights = class_tf_idf(documents.counts, found.labels)
    similarity = (rows * unit_rows(found.centres)[found.labels]).sum(axis=1)
    listed: list[dict[str, Any]] = []
    for number, size in enumerate(found.sizes.tolist()):
        best = np.argsort(-weights[number], kind="stable")[:WORDS]
        near = np.flatnonzero(found.labels == number)
        near = near[np.argsort(-similarity[near], kind="stable")][:EXAMPLES]
        listed.append(
            {
                "topic": number,
                "share": size / len(rows),
                "documents": size,
                "words": [
                    {"word": documents.words[word], "weight": float(weights[number, word])}
                    for word in best.tolist()
                    if weights[number, word] > 0
                ],
                "examples": [
                    {"id": ids[row], "similarity": float(similarity[row]), "text": excerpt(texts[row])}
                    for row in near.tolist()
                ],
            }
        )
    summary = topics_summary(source, listed, documents, method="clusters", encoder=made_by, k=found.k)
    with folder_written_aside(out, "result") as aside:
        write_json(aside / "topics.json", summary)
        columns = {"id": ids, "topic": found.labels, "similarity": similarity.astype(np.float32)}
        write_table(columns, aside / "documents.parquet")
        shown = summary | {"name": out.resolve().name, "method": f"clusters of the vectors of {made_by}"}
        write_page("topics.html", aside / "topics.html", **shown, measure="weight", degree="similarity")
        found.model.save(aside / "model")
    return summary


def embedded(source: Any, encoder: str | None, column: str | None) -> tuple[list[str], list[str], NDArray[Any], str]:
    """Give texts, their ids and vectors, and what made the vectors: those of a run, or an encoder's.

    Raises
    ------
    UnlabeledError
        If the run is over something else than texts, or there is neither a run nor an encoder.
    """
    if isinstance(source, str | os.PathLike) and (Path(source) / "run.json").exists():
        if encoder is not None or column is not None:
            raise UnlabeledError(
                f"{source} is a run, which has texts and vectors already; leave out encoder and column"
            )
        run = Run(source)
        texts = whole_texts(run)
        if texts is None:
            raise UnlabeledError(f"the run in {source} is not over texts, so its clusters have no words")
        return texts, run.embeddings.ids, run.embeddings.vectors, str(run.folder)
    if encoder is None:
        raise UnlabeledError(
            "clusters are found among vectors: give the folder of a run, or what makes vectors of texts: "
            "encoder='transformers:<name>', on the command line --encoder"
        )
    texts, ids = read_texts(source, column)
    return texts, ids, text_vectors(encoder, texts), encoder


def text_vectors(encoder: str, texts: list[str]) -> NDArray[np.float32]:
    """Embed texts by an encoder that is named as for `FineTuning`."""
    from unlabeled.encoders import embed
    from unlabeled.encoders.make import trained_encoder
    from unlabeled.modalities import check_modality, open_instances

    network = trained_encoder(encoder)
    wanted = network.preprocessing
    check_modality(wanted, "text", f"{encoder} encodes {wanted.kind}s, and topics are those of texts")
    return embed(network, open_instances(texts, preprocessing=network.preprocessing)[0])
