from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from unlabeled.data import Images, Instances, PreparedImages, Vectors, prefetched
from unlabeled.data.instances import mapped_ahead


def index_batches(count: int) -> list[Tensor]:
    return [torch.tensor([i]) for i in range(count)]


def our_threads() -> set[str]:
    return {t.name for t in threading.enumerate() if t.name.startswith("unlabeled-data")}


@pytest.mark.parametrize("prefetch", [0, 1, 2, 5, 50])
def test_order_is_kept_and_nothing_is_lost(prefetch: int) -> None:
    def load(indices: Tensor) -> Tensor:
        time.sleep(0.002 * (int(indices) % 3))
        return indices * 10

    assert [int(b) for b in prefetched(load, index_batches(20), prefetch)] == [10 * i for i in range(20)]
    assert not our_threads()


def test_no_batches() -> None:
    assert list(prefetched(torch.square, [], 2)) == []


@pytest.mark.parametrize("prefetch", [1, 2, 4])
def test_at_most_prefetch_plus_one_batches_exist(prefetch: int) -> None:
    alive, most, lock = 0, 0, threading.Lock()

    def forget() -> None:
        nonlocal alive
        with lock:
            alive -= 1

    def load(indices: Tensor) -> Tensor:
        nonlocal alive, most
        batch = torch.zeros(8)
        with lock:
            alive += 1
            most = max(most, alive)
        weakref.finalize(batch, forget)
        return batch

    batches = prefetched(load, index_batches(30), prefetch)
    for _ in range(30):
        batch = next(batches)
        time.sleep(0.002)  # time enough for the background to run ahead as far as it may
        del batch
    assert next(batches, None) is None
    # The bound is reached, so the thread does run ahead, and not passed.
    assert most == prefetch + 1


def test_the_background_does_load_while_the_consumer_works() -> None:
    loaded = threading.Event()

    def load(indices: Tensor) -> Tensor:
        if int(indices) == 1:
            loaded.set()
        return indices

    batches = prefetched(load, index_batches(5), prefetch=1)
    next(batches)
    assert loaded.wait(timeout=5)
    batches.close()  # type: ignore[attr-defined]  # it is a generator, which the annotation leaves open


def test_loading_is_lazy_and_bounded() -> None:
    asked: list[int] = []

    def endless() -> Iterator[Tensor]:
        i = 0
        while True:
            asked.append(i)
            yield torch.tensor([i])
            i += 1

    batches = prefetched(lambda indices: indices, endless(), prefetch=3)
    assert asked == []
    next(batches)
    assert len(asked) == 4


def test_early_stop_leaves_no_thread_and_drops_what_was_not_begun() -> None:
    begun: list[int] = []

    def load(indices: Tensor) -> Tensor:
        begun.append(int(indices))
        time.sleep(0.01)
        return indices

    for batch in prefetched(load, index_batches(100), prefetch=8):
        if int(batch) == 2:
            break
    assert not our_threads()
    assert len(begun) < 12


def test_an_exception_of_the_consumer_leaves_no_thread() -> None:
    def consume() -> None:
        for _ in prefetched(torch.square, index_batches(100), 4):
            raise KeyError("consumer")

    with pytest.raises(KeyError):
        consume()
    assert not our_threads()


@pytest.mark.parametrize("prefetch", [0, 1, 3])
def test_an_exception_of_load_is_raised_in_its_batch_s_turn(prefetch: int) -> None:
    def load(indices: Tensor) -> Tensor:
        if int(indices) == 3:
            raise OSError("disk gone")
        return indices

    seen = []
    with pytest.raises(OSError, match="disk gone"):  # noqa: PT012 -- the batches before it must arrive
        for batch in prefetched(load, index_batches(10), prefetch):
            seen.append(int(batch))
    assert seen == [0, 1, 2]
    assert not our_threads()


def test_an_exception_of_the_index_batches_is_raised() -> None:
    def broken() -> Iterator[Tensor]:
        yield torch.tensor([0])
        raise RuntimeError("sampler")

    with pytest.raises(RuntimeError, match="sampler"):
        list(prefetched(torch.square, broken(), 2))
    assert not our_threads()


def test_mapped_ahead_uses_its_workers() -> None:
    together = threading.Barrier(3, timeout=10)  # passes only if three calls run at once

    def wait(item: int) -> int:
        together.wait()
        return item

    assert list(mapped_ahead(wait, range(6), ahead=3, workers=3)) == list(range(6))


def test_both_collections_are_instances() -> None:
    prepared: Instances = Images(torch.zeros(4, 8, 8, dtype=torch.uint8)).prepare()
    vectors: Instances = Vectors(torch.zeros(4, 3))
    assert isinstance(prepared, PreparedImages)
    for instances, kind, shape in ((prepared, "image", (2, 3, 8, 8)), (vectors, "vector", (2, 3))):
        assert instances.kind == kind
        assert len(instances) == 4
        assert list(instances.ids) == ["0", "1", "2", "3"]
        assert len(instances.fingerprint) == 64
        assert instances.gather(torch.tensor([3, 0])).values.shape == shape
        assert [len(b) for b in instances.batches([torch.tensor([0, 1]), torch.tensor([2])])] == [2, 1]
