"""Draws: distributions, repeatability, and one process's rows of a joint draw."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

from unlabeled.views import TableCorruption, draw, strong

PROCESSES = 2
ROWS = 4

# --- what each of two processes does; this file is then run as a script ----------------------------------------------


def joined_images() -> torch.Tensor:
    return torch.rand(PROCESSES * ROWS, 3, 8, 8, generator=torch.Generator().manual_seed(5))


def views_of(images: torch.Tensor) -> list[torch.Tensor]:
    """Distort images, vectors, and images again, from one generator."""
    generator = torch.Generator().manual_seed(7)
    return [
        strong()(images, generator),
        TableCorruption()(images.flatten(1), generator),
        strong()(images, generator),
    ]


def run_as_process(number: int, meeting_point: str) -> list[object]:
    import torch.distributed as dist

    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting_point}", rank=number, world_size=PROCESSES)
    own = views_of(joined_images()[number * ROWS : (number + 1) * ROWS])
    dist.destroy_process_group()
    return [view.tolist() for view in own]


# --- what pytest runs ------------------------------------------------------------------------------------------------


def test_two_processes_see_the_views_of_one_on_the_joined_batch(tmp_path):
    commands = [[sys.executable, __file__, str(number), str(tmp_path / "meet")] for number in range(PROCESSES)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    try:
        parts = [json.loads(process.communicate(timeout=120)[0]) for process in processes]
    finally:
        for process in processes:
            process.kill()
    for number, expected in enumerate(views_of(joined_images())):
        joined = torch.cat([torch.tensor(part[number]) for part in parts])
        # Exact but for the order in which a mean over pixels is added up, which may depend on the rows at hand.
        torch.testing.assert_close(joined, expected, rtol=0, atol=1e-6)


def test_uniform_lies_within_its_bounds_and_fills_them():
    drawn = draw.uniform((20_000,), -2.0, 3.0, torch.Generator().manual_seed(0))
    assert drawn.min() >= -2
    assert drawn.max() < 3
    # The mean of 20,000 draws has the deviation 5 / √12 / √20,000 ≈ 0.01.
    assert abs(drawn.mean() - 0.5) < 0.05
    assert abs(drawn.var() - 25 / 12) < 0.1


def test_normal_has_mean_0_and_variance_1():
    drawn = draw.normal((20_000, 2), torch.Generator().manual_seed(0))
    assert drawn.dtype == torch.float32
    assert abs(drawn.mean()) < 0.03
    assert abs(drawn.var() - 1) < 0.05


@pytest.mark.parametrize(("p", "low", "high"), [(0.0, 0, 0), (1.0, 1, 1), (0.3, 0.28, 0.32)])
def test_bernoulli_is_as_often_true_as_it_says(p, low, high):
    share = draw.bernoulli(20_000, p, torch.Generator().manual_seed(0)).double().mean()
    assert low <= share <= high


def test_choice_takes_every_option_equally_often():
    counts = draw.choice((20_000,), 4, torch.Generator().manual_seed(0)).bincount()
    assert len(counts) == 4
    assert (counts - 5000).abs().max() < 300  # five standard deviations


def test_weighted_choice_takes_places_as_often_as_their_weights_say():
    weights = torch.tensor([[0.0, 1.0, 3.0, 0.0]]).repeat(20_000, 1)
    counts = torch.bincount(draw.weighted_choice(weights, torch.Generator().manual_seed(0)), minlength=4)
    assert counts[0] == counts[3] == 0
    assert abs(int(counts[1]) - 5000) < 250  # four standard deviations


def test_weights_need_no_double_precision_on_their_device(device_without_double):
    assert draw.weighted_choice(device_without_double(torch.tensor([[0.0, 2.0], [3.0, 0.0]]))).tolist() == [1, 0]


def test_torchs_default_generator_is_used_when_none_is_given():
    torch.manual_seed(3)
    first = draw.uniform((5,), 0, 1)
    assert not torch.equal(draw.uniform((5,), 0, 1), first)
    torch.manual_seed(3)
    assert torch.equal(draw.uniform((5,), 0, 1), first)


def test_draws_do_not_depend_on_torchs_default_dtype():
    def drawn() -> torch.Tensor:
        return draw.uniform((5,), 0, 1, torch.Generator().manual_seed(0))

    expected = drawn()
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.equal(drawn(), expected)
    finally:
        torch.set_default_dtype(torch.float32)


def test_no_rows_give_no_draws():
    assert draw.uniform((0, 3), 0, 1).shape == (0, 3)


if __name__ == "__main__":
    print(json.dumps(run_as_process(int(sys.argv[1]), sys.argv[2])))
