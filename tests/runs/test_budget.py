import pytest

from unlabeled.errors import UnlabeledError
from unlabeled.runs.budget import Budget


@pytest.mark.parametrize("text", ["", "soon", "0", "-5m", "1..2m", ".", "10 miles", "1e3"])
def test_what_is_no_budget_is_refused(text):
    with pytest.raises(UnlabeledError, match="write 10m, 90s, 1h or 500 steps"):
        Budget.read(text)


@pytest.mark.parametrize(("text", "seconds"), [("1.5m", 90), (".5h", 1800), (" 20 sec ", 20), ("2.min", 120)])
def test_a_time_is_read_in_seconds(text, seconds):
    assert Budget.read(text) == Budget(seconds, "seconds")
