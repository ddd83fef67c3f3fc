from __future__ import annotations

import json
import re

import numpy as np
import pyarrow.parquet as pq
import pytest

import unlabeled
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.topic_coherence import topic_coherence
from unlabeled.runs import topics

PONDS = ["frog toad newt", "pond frog newt", "toad pond frog", "newt pond toad"]
KINGS = ["king queen throne", "crown king queen", "throne crown king"]
TEXTS = [f"{text} {text}" for text in PONDS * 5 + KINGS * 4]
QUICK = {"k": 2, "min_df": 1, "max_df": 1.0}


@pytest.mark.parametrize("method", ["lda", "plsa"])
def test_topics_are_found_described_and_numbered_by_size(method, tmp_path):
    found = topics(TEXTS, tmp_path / "t", method=method, **QUICK)
    ponds, kings = found["topics"]
    assert {entry["word"] for entry in ponds["words"][:4]} == {"frog", "toad", "newt", "pond"}
    assert {entry["word"] for entry in kings["words"][:4]} == {"king", "queen", "throne", "crown"}
    assert (ponds["documents"], kings["documents"]) == (20, 12)
    assert ponds["share"] == pytest.approx(20 / 32, abs=0.02)
    assert ponds["share"] + kings["share"] == pytest.approx(1, abs=1e-4)
    words = [[entry["word"] for entry in topic["words"]] for topic in found["topics"]]
    judged = topic_coherence(words, TEXTS)
    assert [topic["coherence"] for topic in found["topics"]] == pytest.approx(judged.topics)
    assert found["coherence"] == pytest.approx(judged.mean)
    assert json.loads((tmp_path / "t" / "topics.json").read_text()) == found
    assert ponds["examples"][0]["text"] in TEXTS


def test_the_table_holds_the_shares_of_each_document(tmp_path):
    topics([*TEXTS, "..."], tmp_path / "t", **QUICK)
    table = pq.read_table(tmp_path / "t" / "documents.parquet").to_pydict()
    assert table["topic"] == [0] * 20 + [1] * 12 + [None]
    shares = np.array(table["vector"])
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    assert table["share"][:32] == pytest.approx(shares[:32].max(axis=1))
    assert table["share"][32] is None


def test_the_model_may_be_used_again(tmp_path):
    found = topics(TEXTS, tmp_path / "t", **QUICK)
    model = unlabeled.load(tmp_path / "t" / "model")
    assert model.transform(["a frog by the pond"]).argmax() == 0  # the number that the page gives
    assert model.transform(["the queen's throne"]).argmax() == 1
    assert model.top_words(4) == [[entry["word"] for entry in topic["words"][:4]] for topic in found["topics"]]
    table = pq.read_table(tmp_path / "t" / "documents.parquet")
    assert model.transform(TEXTS).argmax(axis=1).tolist() == table["topic"].to_pylist()


def test_the_page_stands_alone_and_escapes_what_texts_hold(tmp_path):
    texts = [*TEXTS, "frog toad <script>alert(1)</script> newt pond"]
    topics(texts, tmp_path / "t", **QUICK)
    page = (tmp_path / "t" / "topics.html").read_text()
    assert "<script" not in page
    assert not re.search(r"""(?:src|href)=|url\(|@import|https?:""", page)
    for word in ("frog", "throne", "coherence", "LatentDirichletAllocation"):
        assert word in page


def test_ids_come_from_files_and_tables(tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    for number, text in enumerate(TEXTS):
        (folder / f"{number:02d}.txt").write_text(text)
    (tmp_path / "x.csv").write_text("id,review,n\n" + "\n".join(f"r{i},{text},1" for i, text in enumerate(TEXTS)))
    topics(folder, tmp_path / "a", **QUICK)
    topics(tmp_path / "x.csv", tmp_path / "b", column="review", **QUICK)
    names = [pq.read_table(tmp_path / name / "documents.parquet")["id"].to_pylist()[:2] for name in "ab"]
    assert names == [["00.txt", "01.txt"], ["r0", "r1"]]


def test_the_seed_decides(tmp_path):
    for name in "ab":
        topics(TEXTS, tmp_path / name, random_state=5, **QUICK)
    for file in ("topics.json", "documents.parquet"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_nothing_is_replaced_unasked(tmp_path):
    topics(TEXTS, tmp_path / "t", **QUICK)
    with pytest.raises(UnlabeledError, match="--overwrite"):
        topics(TEXTS, tmp_path / "t", **QUICK)
    assert topics(TEXTS, tmp_path / "t", overwrite=True, **(QUICK | {"k": 3}))["k"] == 3
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("\n".join(TEXTS))
    for overwrite in (False, True):
        with pytest.raises(UnlabeledError, match="not saved here"):
            topics(TEXTS, tmp_path / "mine", overwrite=overwrite, **QUICK)
    with pytest.raises(UnlabeledError, match="is read; give the result another name"):
        topics(tmp_path / "mine", tmp_path / "mine", overwrite=True, **QUICK)
    with pytest.raises(UnlabeledError, match="is a file"):
        topics(TEXTS, tmp_path / "mine" / "thesis.txt", **QUICK)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "\n".join(TEXTS)


@pytest.mark.parametrize(
    ("texts", "options", "says"),
    [
        ([], {}, "no text"),
        (TEXTS, {"k": 99}, "n_samples=32 should be >= n_components=99"),
        (TEXTS, {"min_df": 500}, "no vocabulary"),
        (["...", "!!!"], {}, "no vocabulary"),
        (TEXTS, {"method": "lsa"}, "did you mean"),
        (TEXTS, {"column": "text"}, "is for tables"),
    ],
)
def test_what_has_no_topics_is_refused_and_leaves_nothing(texts, options, says, tmp_path):
    with pytest.raises(UnlabeledError, match=says):
        topics(texts, tmp_path / "t", **(QUICK | options))
    assert not any(tmp_path.iterdir())


def test_a_cluster_of_texts_without_words_is_told_and_not_judged(tmp_path, monkeypatch):
    from unlabeled.runs.grouping import cluster_topics

    texts = TEXTS + ["the and of"] * 8
    vectors = np.eye(3)[[*np.arange(32) // 20, *[2] * 8]]
    monkeypatch.setattr(cluster_topics, "embedded", lambda *_: (texts, [str(i) for i in range(40)], vectors, "a run"))
    found = topics(texts, tmp_path / "t", method="clusters", encoder="any", **QUICK | {"k": 3})
    assert [topic["coherence"] is None for topic in found["topics"]] == [False, False, True]
    assert found["topics"][2]["words"] == []
    assert "coherence None" not in (tmp_path / "t" / "topics.html").read_text()
