from pathlib import Path

import pytest

from unlabeled.errors import UnlabeledError
from unlabeled.training.control.run_state import FILE, State, checkpoint_in, stopped_message


def test_a_run_goes_on_from_where_another_stood():
    saved = State(7, {"dim": 3, "epochs": 5}, 40, [{"step": 40, "loss": 0.5}]).to_bytes()
    state = State(1, {"dim": 3, "epochs": 5})
    state.resume(Path("run"), saved)
    assert state == State(7, {"dim": 3, "epochs": 5}, 40, [{"step": 40, "loss": 0.5}])


def test_another_run_is_refused_and_nothing_changed():
    saved = State(7, {"dim": 3, "epochs": 5}, 40).to_bytes()
    for identity, longer in (({"dim": 4, "epochs": 5}, True), ({"dim": 3, "epochs": 9}, False)):
        state = State(1, identity)
        with pytest.raises(UnlabeledError, match=r"of another run: (dim was 3 and is now 4|epochs was 5 and is now 9)"):
            state.resume(Path("run"), saved, longer=longer)
        assert state == State(1, identity)


def test_more_epochs_are_allowed_where_they_may_be_and_fewer_never():
    saved = State(7, {"epochs": 5}, 40).to_bytes()
    state = State(1, {"epochs": 6})
    state.resume(Path("run"), saved, longer=True)
    assert state.step == 40
    with pytest.raises(UnlabeledError, match="epochs was 5 and is now 4"):
        State(1, {"epochs": 4}).resume(Path("run"), saved, longer=True)


def test_a_folder_without_a_checkpoint_is_refused(tmp_path):
    with pytest.raises(UnlabeledError, match="holds no checkpoint to resume from"):
        checkpoint_in(tmp_path)
    (tmp_path / FILE).touch()
    assert checkpoint_in(tmp_path) == tmp_path / FILE


def test_the_message_says_where_to_go_on():
    assert stopped_message(Path("run"), "2 of 3 epochs") == (
        "stopped after 2 of 3 epochs; saved in run, from where fit(..., resume=True) goes on"
    )
