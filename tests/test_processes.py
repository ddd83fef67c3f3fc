"""Several processes that train as one: values and gradients equal those of one process on the joined rows.

Run by pytest, this file starts two copies of itself as the processes of a gloo group; each computes the same thing
alone, on the joined rows, and compares. Sums over processes are taken in another order than sums over rows, so
float64 results may differ in the last digits: the tolerance is a few hundred times the spacing of float64 numbers.
"""

from __future__ import annotations

import faulthandler
import json
import subprocess
import sys
import traceback
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn

from unlabeled.processes import all_or_none, all_reduce_sum, gather, leave_process_group, rank, world_size

PROCESSES = 2
ROWS = 3
close = {"rtol": 1e-13, "atol": 1e-13}


def joined_rows(*shape: int) -> Tensor:
    return torch.randn(PROCESSES * ROWS, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def mine(x: Tensor) -> Tensor:
    return x[rank() * ROWS : (rank() + 1) * ROWS].clone()


def each_against_each(x: Tensor) -> Tensor:
    """A loss of every row that depends on every other row, as a contrastive loss does; shape (rows,)."""
    return (x @ x.T).logsumexp(dim=1) + x.pow(3).sum(dim=1)


# --- what the processes check -----------------------------------------------------------------------------------------


def check_there_are_two() -> None:
    assert world_size() == PROCESSES
    assert rank() == dist.get_rank()


def check_gather_joins_rows_in_order_of_rank() -> None:
    for joined in (
        joined_rows(),
        joined_rows(4),
        joined_rows(2, 5),
        joined_rows(4).gt(0),
        joined_rows(4).mul(9).long(),
    ):
        assert torch.equal(gather(mine(joined)), joined)


def check_gather_takes_rows_that_are_not_contiguous() -> None:
    joined = joined_rows(4, 5).transpose(1, 2)
    assert torch.equal(gather(mine(joined).contiguous().transpose(1, 2)), joined.transpose(1, 2))


def check_gather_of_a_loss_split_by_rows_has_the_gradient_of_the_joined_loss() -> None:
    joined = joined_rows(4).requires_grad_()
    each_against_each(joined).sum().backward()
    own = mine(joined.detach()).requires_grad_()
    mine(each_against_each(gather(own))).sum().backward()
    torch.testing.assert_close(own.grad, mine(joined.grad), **close)


def check_gather_of_a_loss_that_every_process_computes_whole() -> None:
    joined = joined_rows(4).requires_grad_()
    each_against_each(joined).mean().backward()
    own = mine(joined.detach()).requires_grad_()
    each_against_each(gather(own)).mean().backward()
    # The loss counts once in each process, and data-parallel training averages over processes.
    torch.testing.assert_close(own.grad / PROCESSES, mine(joined.grad), **close)


def check_data_parallel_weights_get_the_gradient_of_one_process() -> None:
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 5)).double()
    joined = joined_rows(4)
    each_against_each(net(joined)).mean().backward()
    expected = [parameter.grad.clone() for parameter in net.parameters()]
    net.zero_grad()
    parallel = nn.parallel.DistributedDataParallel(net)
    each_against_each(gather(parallel(mine(joined)))).mean().backward()
    for parameter, gradient in zip(net.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, **close)


def check_total_adds_and_every_process_feels_every_loss() -> None:
    joined = joined_rows(4).requires_grad_()
    sums = joined.sum(dim=0)
    torch.testing.assert_close(all_reduce_sum(mine(joined.detach()).sum(dim=0)), sums.detach(), **close)
    # Process r has the loss (r + 1) · |sum|², so together they have (1 + 2) · |sum|².
    (3 * sums.pow(2).sum()).backward()
    own = mine(joined.detach()).requires_grad_()
    ((rank() + 1) * all_reduce_sum(own.sum(dim=0)).pow(2).sum()).backward()
    torch.testing.assert_close(own.grad, mine(joined.grad), **close)


def penalised(values: torch.Tensor, rows: torch.Tensor) -> None:
    """Differentiate the squared slope of values in rows, as a gradient penalty does."""
    (slope,) = torch.autograd.grad(values.sum(), rows, create_graph=True)
    slope.square().sum().backward()


def check_a_penalty_on_a_gradient_has_the_gradient_of_one_process() -> None:
    joined = joined_rows(4).requires_grad_()
    penalised(each_against_each(joined), joined)
    own = mine(joined.detach()).requires_grad_()
    penalised(mine(each_against_each(gather(own))), own)
    torch.testing.assert_close(own.grad, mine(joined.grad), **close)

    joined.grad = None
    penalised((joined / (1 + joined.square().sum(0))).pow(3), joined)
    own.grad = None
    penalised((own / (1 + all_reduce_sum(own.square().sum(0)))).pow(3), own)
    torch.testing.assert_close(own.grad, mine(joined.grad), **close)


def check_total_leaves_its_argument_alone() -> None:
    x = torch.ones(3)
    all_reduce_sum(x)
    assert torch.equal(x, torch.ones(3))


def end_of_a_block(fails_in: set[int]) -> str:
    """Tell how a block ends in this process that fails in some."""
    try:
        with all_or_none():
            if rank() in fails_in:
                raise KeyError(rank())
    except KeyError:
        return "error"
    except SystemExit as leave:
        return f"left with {leave.code}"
    return "well"


def check_a_block_ends_well_in_all_processes_or_in_none_and_one_tells() -> None:
    assert end_of_a_block(set()) == "well"
    for fails_in in ({0}, {1}, {0, 1}):
        assert end_of_a_block(fails_in) == ("error" if rank() == min(fails_in) else "left with 1")
    assert end_of_a_block(set()) == "well"


CHECKS = {name: check for name, check in list(globals().items()) if name.startswith("check_")}


def run_as_process(number: int, meeting_point: str) -> dict[str, str]:
    """Do every check as process `number` up to the first that fails; give what was wrong with each, or nothing."""
    torch.set_num_threads(1)
    # A process that waits for one that has failed gives up after this time.
    group = {"rank": number, "world_size": PROCESSES, "timeout": timedelta(seconds=60)}
    dist.init_process_group("gloo", init_method=f"file://{meeting_point}", **group)
    found = dict.fromkeys(CHECKS, "not reached")
    for name, check in CHECKS.items():
        try:
            check()
        except Exception:
            found[name] = traceback.format_exc()
            break
        found[name] = ""
    leave_process_group()
    assert (world_size(), rank()) == (1, 0)
    assert not gloo_threads(), "a thread that outlives its group can abort the process when the interpreter ends"
    return found


def gloo_threads() -> list[str]:
    """Name the threads of gloo in this process, where the system tells."""
    names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").glob("*")]
    return [name for name in names if "gloo" in name]


# --- what pytest runs -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """Start the processes once, for all checks, because importing PyTorch takes seconds; give what each found."""
    if not dist.is_available():
        pytest.skip("this PyTorch has no process groups")
    meeting_point = str(tmp_path_factory.mktemp("processes") / "meeting-point")
    commands = [[sys.executable, __file__, str(number), meeting_point] for number in range(PROCESSES)]
    processes = [subprocess.Popen(c, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for c in commands]
    try:
        outputs = [process.communicate(timeout=240) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0] * PROCESSES, outputs
    return [json.loads(out) for out, _ in outputs]


@pytest.mark.parametrize("check", CHECKS)
def test_two_processes(check: str, found: list[dict[str, str]]):
    assert not any(of_process[check] for of_process in found), "\n".join(of_process[check] for of_process in found)


def test_one_process_is_its_own_group():
    x = torch.ones(3)
    assert (world_size(), rank()) == (1, 0)
    assert gather(x) is x
    assert all_reduce_sum(x) is x
    assert end_of_a_block(set()) == "well"
    assert end_of_a_block({0}) == "error"
    leave_process_group()  # there is nothing to part from


@pytest.mark.skipif(not dist.is_available(), reason="this PyTorch has no process groups")
def test_a_group_that_was_there_before_the_import_ends_with_its_threads(tmp_path: Path):
    code = f"""
import torch.distributed as dist
dist.init_process_group("gloo", init_method="file://{tmp_path}/meeting-point", rank=0, world_size=1)
import unlabeled.processes
unlabeled.processes.leave_process_group()
from test_processes import gloo_threads
assert not gloo_threads()
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


if __name__ == "__main__":
    faulthandler.enable()  # so that a process that is aborted tells where
    print(json.dumps(run_as_process(int(sys.argv[1]), sys.argv[2])))
