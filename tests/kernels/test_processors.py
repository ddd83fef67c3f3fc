import os

import numpy as np
import pytest

from unlabeled.data.video.clips import Clips
from unlabeled.data.video.videos import Videos
from unlabeled.kernels.processors import processor_count
from unlabeled.methods.mixture.threads import threads
from unlabeled.methods.words.word_embedding import worker_count


def test_the_processors_are_those_that_the_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {1, 5, 7}, raising=False)
    assert processor_count() == 3
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS and Windows
    assert processor_count() == 64
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert processor_count() == 1


@pytest.mark.parametrize("asked", [None, 5])
def test_there_is_a_thread_a_processor_where_none_are_asked_for(asked, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {1, 5, 7}, raising=False)
    with threads(asked) as pool:
        mixture = pool.count
    clips = Clips(Videos(np.zeros((1, 4, 8, 8, 1), dtype=np.uint8), frame_rate=10), length=2, workers=asked)
    assert [mixture, worker_count(asked), clips.workers] == [asked or 3] * 3
