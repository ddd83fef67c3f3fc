"""The one training loop of every deep method."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unlabeled.data.batch import joined_batches
from unlabeled.data.instances import Instances
from unlabeled.encoders.network import Network, ready_convolutions
from unlabeled.encoders.synchronised import synchronised
from unlabeled.errors import UnlabeledError, diverged
from unlabeled.processes import all_or_none, all_reduce_sum, rank, world_size
from unlabeled.training.control.collapse_advice import collapse_advice
from unlabeled.training.control.health_monitor import HealthMonitor
from unlabeled.training.control.interrupt import StopRequest
from unlabeled.training.control.progress import ProgressBar
from unlabeled.training.control.run_state import State, stopped_message
from unlabeled.training.control.training_state import load_checkpoint, save_checkpoint
from unlabeled.training.control.validation import Validation
from unlabeled.training.method_protocol import Method
from unlabeled.training.optimizers import make_optimizer
from unlabeled.training.plan import Plan

LOSSES = 50
"""How often, over a whole run, the loss is taken down."""
LOOKS, APART = 20, 20
"""How often, over a whole run, health is looked at, and the steps between two looks at least: a look encodes two views
of up to 512 instances, or four batches, which is work of the order of a step."""
WATCHED, BATCHES = 512, 4


class Step(nn.Module):
    """A module whose forward is the method's loss, so that autocast and gradient averaging surround exactly that."""

    def __init__(self, method: Method, net: Network) -> None:
        super().__init__()
        self.net = net
        self.loss = method.loss

    def forward(self, x: Any, y: Any) -> Tensor:
        """How far p(y | x) is from the truth."""
        return self.loss(self.net, x, y)


@contextmanager
def own_randomness() -> Iterator[None]:
    """Keep the caller's random state out of the run, and the run's out of the caller's."""
    with torch.random.fork_rng():
        yield


@contextmanager
def _batches_of_one_are_named() -> Iterator[None]:
    """Say what PyTorch's batch normalisation says of a single number a channel as a person can act on it."""
    try:
        yield
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise UnlabeledError(
            "the encoder normalises by its batch, and a batch of one instance has nothing to normalise by: batch_size "
            "must be at least 2"
        ) from error


def train(
    method: Method,
    net: Network,
    instances: Instances,
    state: State,
    fabric: Any,
    resume: bool = False,
    held_out: Instances | None = None,
) -> None:
    """Train `net` in place from `state.step` to the end of the plan, and measure the loss on what is held out.

    Raises
    ------
    KeyboardInterrupt
        After a Ctrl-C, once the step at hand is finished and, where a checkpoint folder is set, saved.
    DivergenceError
        If the loss or the vectors are no longer numbers.
    UnlabeledError
        If there is no matching checkpoint to resume from.
    """
    folder = Path(method.checkpoint) if method.checkpoint is not None else None
    if world_size() > 1:
        synchronised(net)
    ready_convolutions(net)
    net.train()
    with all_or_none(fabric.device):
        optimizer = make_optimizer(method.optimizer, net, method.learning_rate, method.weight_decay, method.betas)
        if resume and folder is not None:
            load_checkpoint(folder, state, net, optimizer, method.state(net))
        plan = method.plan(len(instances), state.seed)
        labels = np.full(len(instances), -1) if instances.labels is None else instances.labels
        sampler = method.sampler(plan, labels)
    step, optimizer = fabric.setup(Step(method, net), optimizer)
    canonical = net.encoder.preprocessing.canonical
    monitor = _monitor(method, net, instances, plan, fabric)
    save_every = method.checkpoint_every or plan.steps_per_epoch
    note_every = max(1, min(plan.steps_per_epoch, plan.steps // LOSSES))
    look_every = max(APART, plan.steps // LOOKS)
    validation = Validation(method, net, held_out, fabric) if held_out is not None else None
    before = _look(monitor, validation, plan, state.step)
    if state.step == 0:
        state.history.append({"step": 0, "epoch": 0.0, **before})  # what the untrained network gives
    batches = instances.batches(sampler.index_batches(state.step))
    recent, since = [], time.monotonic()
    show = method.progress if rank() == 0 else False

    with (
        own_randomness(),
        StopRequest() as stop,
        ProgressBar(type(method).__name__, plan.steps, state.step, show) as bar,
    ):
        while state.step < plan.steps:
            for group in optimizer.param_groups:
                group["lr"] = method.learning_rate * plan.rate(state.step)
            seen = []
            for part in range(plan.parts):
                torch.manual_seed(plan.seed_for(state.step, part, 1))
                batch = next(batches).to(fabric.device, non_blocking=True).map(canonical)
                x, y = method.split(batch)
                with fabric.no_backward_sync(step, enabled=part + 1 < plan.parts):
                    with _batches_of_one_are_named():
                        loss = step(x, y) / plan.parts
                    fabric.backward(loss)
                recent.append(loss.detach())
                seen.append(batch)
            if method.clip_norm is not None:
                fabric.clip_gradients(step, optimizer, max_norm=method.clip_norm)
            optimizer.step()
            optimizer.zero_grad()
            method.after_step(net, joined_batches(seen), state.step / plan.steps)
            state.step += 1
            bar.advance(state.step)

            last, looking = state.step == plan.steps, state.step % look_every == 0
            if state.step % note_every == 0 or looking or last:
                figures = {"step": state.step, "epoch": state.step / plan.steps_per_epoch}
                figures["loss"] = _mean_loss(recent, plan)
                _check_finite(figures["loss"], net, method, state.step)
                speed = len(recent) * len(batch) * world_size() / max(time.monotonic() - since, 1e-9)
                if looking or last:
                    figures |= _look(monitor, validation, plan, state.step)
                bar.show(figures, speed)
                state.history.append(figures)
                recent, since = [], time.monotonic()
            stopping = _anyone(stop.made, fabric.device)
            if folder is not None and (stopping or state.step % save_every == 0 or last):
                with all_or_none(fabric.device):
                    if rank() == 0:
                        save_checkpoint(folder, state, net, optimizer, method.state(net))
            if stopping and not last:
                raise KeyboardInterrupt(stopped_message(folder, f"step {state.step} of {plan.steps}"))


def _monitor(method: Method, net: Network, instances: Instances, plan: Plan, fabric: Any) -> HealthMonitor:
    """Take the few instances whose vectors are watched: always the same ones, also after a resume."""
    chosen = torch.randperm(len(instances), generator=torch.Generator().manual_seed(plan.seed_for(0, 0, 3)))
    chosen = chosen[: min(WATCHED, BATCHES * method.batch_size)]
    sample = net.encoder.preprocessing.canonical(instances.gather(chosen).to(fabric.device).values)
    view, advice = getattr(method, "view", None), collapse_advice(method)
    return HealthMonitor(net.encoder, sample, view, advice, method.learning_rate, announced=not method.may_collapse)


def _look(monitor: HealthMonitor, validation: Validation | None, plan: Plan, step: int) -> dict[str, float]:
    """Look at health with the same views every time, so that figures of different steps compare."""
    with own_randomness():
        torch.manual_seed(plan.seed_for(0, 0, 2))
        figures = monitor.look(step)
        if math.isnan(figures.get("effective_rank", 0.0)):
            raise diverged(f"the vectors are no numbers after step {step}", monitor.learning_rate)
        return figures if validation is None else figures | {"validation_loss": validation.loss()}


def _mean_loss(recent: list[Tensor], plan: Plan) -> float:
    """Average the losses since the last look, over all processes."""
    return float(all_reduce_sum(torch.stack(recent).mean()) / world_size() * plan.parts)


def _check_finite(loss: float, net: Network, method: Method, step: int) -> None:
    """End a run whose loss or weights are no longer finite; they are the same in all processes, and one tells it."""
    what = "" if math.isfinite(loss) else f"the loss is {loss} by step {step}"
    if not what and not all(bool(weights.isfinite().all()) for weights in net.parameters()):
        what = f"weights are no longer finite by step {step}"
    if what:
        with all_or_none(next(net.parameters()).device):
            raise diverged(what, method.learning_rate, "set clip_norm, or precision='float32'")


def _anyone(flag: bool, device: torch.device) -> bool:
    """Tell whether any process was asked to stop, so that all stop after the same step."""
    return flag if world_size() == 1 else bool(all_reduce_sum(torch.tensor(float(flag), device=device)) > 0)
