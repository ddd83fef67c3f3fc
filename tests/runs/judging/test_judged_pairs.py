import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from unlabeled.cli.main import app
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation import sentence_similarity
from unlabeled.registry import method
from unlabeled.runs import learn
from unlabeled.runs.judging.judged_pairs import judge_pairs

PAIRS = [("the dog barks", "the dog runs"), ("the dog barks", "it rains"), ("it rains", "it rains"),
         ("a cat", "the cat runs"), ("a cat", "it snows"), ("it snows", "it rains")]  # fmt: skip
SCORES, GROUPS = [3.0, 0.5, 5.0, 4.0, 0.0, 2.0], ["news", "news", "news", "posts", "posts", "posts"]
FIRST, SECOND = zip(*PAIRS, strict=True)


def call(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scored")
    (folder / "texts.txt").write_text("\n".join(sorted({*FIRST, *SECOND})) + "\n")
    settings = {"dim": 16, "layers": 1, "heads": 2, "length": 16, "epochs": 1, "progress": False, "random_state": 0}
    return learn(folder / "texts.txt", folder / "run", method("gpt")(**settings), judging=False)


def test_a_table_as_sts_has_it(run, tmp_path):
    frame = pd.DataFrame({"sentence1": FIRST, "sentence2": SECOND, "score": SCORES, "genre": GROUPS})
    frame.to_csv(tmp_path / "sts.csv", index=False)
    before = run.metrics
    done = call("evaluate", run.folder, "--scored-pairs", tmp_path / "sts.csv", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)["scored_pairs"]
    expected = sentence_similarity(run.encoder, PAIRS, SCORES, GROUPS)
    assert found["scores"]["learnt"]["spearman"] == pytest.approx(expected.all_pairs)
    assert found["scores"]["learnt"]["mean of groups"] == pytest.approx(expected.mean_of_groups)
    assert set(found["scores"]) == {"learnt", "untrained", "tf-idf"}
    assert (found["pairs"], found["groups"]) == (6, 2)
    assert json.loads((run.folder / "metrics.json").read_text()) == before | {"scored_pairs": found}
    shown = call("evaluate", run.folder, "--scored-pairs", tmp_path / "sts.csv").stdout
    assert f"{expected.all_pairs:.3f}" in shown
    assert "tf-idf" in shown
    assert "6 pairs in 2 groups" in shown


def test_a_table_as_sick_has_it(run, tmp_path):
    frame = pd.DataFrame({"pair_ID": range(6), "sentence_A": FIRST, "sentence_B": SECOND, "relatedness_score": SCORES})
    frame.to_csv(tmp_path / "sick.tsv", index=False, sep="\t")
    found = judge_pairs(run, tmp_path / "sick.tsv")
    expected = sentence_similarity(run.encoder, PAIRS, SCORES).all_pairs
    assert found["scores"]["learnt"] == {"spearman": pytest.approx(expected)}
    assert found["groups"] == 0


def test_columns_by_name_and_pairs_without_a_score(run, tmp_path):
    frame = pd.DataFrame({"left": [*FIRST, "x"], "right": [*SECOND, "y"], "score": [*SCORES, np.nan]})
    frame.to_parquet(tmp_path / "p.parquet")
    said = []
    found = judge_pairs(run, tmp_path / "p.parquet", "left, right", say=said.append)
    assert found["pairs"] == 6
    assert said == ["Left out, without a score: 1 of 7 pairs"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": FIRST, "score": SCORES}, "holds no pairs of texts"),
        ({"sentence1": FIRST, "sentence2": SECOND}, "has no scores"),
        ({"sentence1": FIRST[:1], "sentence2": SECOND[:1], "score": SCORES[:1]}, "1 pair with a score"),
    ],
)
def test_tables_without_scored_pairs_are_refused(run, columns, message, tmp_path):
    pd.DataFrame(columns).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(UnlabeledError, match=message):
        judge_pairs(run, tmp_path / "t.csv")


def test_options_that_change_nothing_are_refused(run, tmp_path):
    asked = ["evaluate", run.folder]
    assert "--column is for --scored-pairs" in str(call(*asked, "--column", "a,b").exception)
    done = call(*asked, "--scored-pairs", tmp_path / "t.csv", "--seeds", 2)
    assert "--seeds has no meaning with --scored-pairs" in str(done.exception)
