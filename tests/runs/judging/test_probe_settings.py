import pytest

from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.protocol import PROBES
from unlabeled.runs.judging.probe_settings import probe_settings


@pytest.mark.parametrize(
    ("probes", "k", "metric", "settings"),
    [
        (["knn", "linear"], None, None, {}),
        (["knn", "linear"], 5, None, {"knn": {"k": 5}}),
        (["gallery"], 5, None, {"gallery": {"ks": [1, 5]}}),
        (["retrieval"], 1, "cosine", {"retrieval": {"ks": [1], "metric": "cosine"}}),
        (
            list(PROBES),
            7,
            "euclidean",
            {
                "knn": {"k": 7, "metric": "euclidean"},
                "retrieval": {"ks": [1, 7], "metric": "euclidean"},
                "gallery": {"ks": [1, 7], "metric": "euclidean"},
            },
        ),
    ],
)
def test_settings_go_to_the_probes_that_take_them(probes, k, metric, settings):
    assert probe_settings(probes, k, metric) == settings


@pytest.mark.parametrize(
    ("probes", "k", "metric", "says"),
    [
        (["kmn"], None, None, "unknown probe 'kmn'; did you mean 'knn'"),
        ([], None, None, "name at least one probe: knn, linear"),
        (["linear"], 5, None, r"^k is for the probes knn, retrieval, gallery, .* \(linear\); leave it out"),
        (["linear", "clustering"], None, "cosine", r"^metric is for the probes knn, retrieval, gallery"),
        (["knn"], None, "cosin", "unknown metric 'cosin'; did you mean 'cosine'"),
        (["knn"], 0, None, "k must be a whole number of at least 1"),
    ],
)
def test_what_no_probe_takes_is_refused(probes, k, metric, says):
    with pytest.raises(UnlabeledError, match=says):
        probe_settings(probes, k, metric)
