"""What a fitted method makes of new instances, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Generator, Tensor

from unlabeled.data.batch import joined
from unlabeled.encoders.network import ready_convolutions
from unlabeled.modalities import open_instances
from unlabeled.setting_checks import LARGEST_SEED, check_whole_number
from unlabeled.training.control.devices import choose_device

if TYPE_CHECKING:
    from unlabeled.encoders.network import Network
    from unlabeled.training.bases.self_supervised import SelfSupervised


@contextmanager
def evaluating(method: SelfSupervised) -> Iterator[tuple[Network, torch.device]]:
    """Yield a fitted method's network on its device, in evaluation mode and without gradients."""
    check_is_fitted(method, "encoder_")
    device = choose_device(method.device)
    net = method.network_.to(device).eval()
    ready_convolutions(net)  # as in training, so that a method that was saved and loaded computes the very same
    with torch.no_grad():
        yield net, device


def canonical_batches(method: SelfSupervised, X: Any, device: torch.device) -> Iterator[Tensor]:
    """Yield instances in the units of a fitted method's network."""
    preprocessing = method.encoder_.preprocessing
    instances, _ = open_instances(X, method, preprocessing)
    for batch in instances.batches(torch.arange(len(instances)).split(method.batch_size)):
        yield preprocessing.canonical(batch.to(device).values)


def canonical_instances(method: SelfSupervised, X: Any, device: torch.device) -> Any:
    """Give instances, all in one batch, in the units of a fitted method's network."""
    return joined(list(canonical_batches(method, X, device)))


def inferred(method: SelfSupervised, X: Any, function: Callable[[Network, Tensor], Tensor]) -> NDArray[np.float32]:
    """Apply a function of network and instances to every instance; what it makes is brought to the user's units.

    Parameters
    ----------
    method : SelfSupervised
        Fitted.
    X : as in `fit`
    function : callable
        Of the network and a batch in canonical units; gives a batch of instances in canonical units.

    Returns
    -------
    ndarray of float32, shape (n, channels, size, size) or (n, d)
        Images in [0, 1]; vectors in the columns' own units.
    """
    with evaluating(method) as (net, device):
        parts = [user_units(method, function(net, values)) for values in canonical_batches(method, X, device)]
    return np.concatenate(parts)


def user_units(method: SelfSupervised, values: Tensor) -> NDArray[np.float32]:
    """Bring what a network made to the units of the user's data."""
    return np.asarray(method.encoder_.preprocessing.restored(values).cpu().numpy(), dtype=np.float32)


def drawn_codes(n: int, dim: int, random_state: int | None) -> Tensor:
    """Draw n codes of a standard normal distribution, shape (n, dim); with an int always the same.

    Raises
    ------
    UnlabeledError
        If n is below 1, or the seed is no whole number from 0 on.
    """
    check_whole_number("n", n)
    if random_state is not None:
        check_whole_number("random_state", random_state, 0, LARGEST_SEED)
    generator = Generator()
    if random_state is None:
        generator.seed()
    else:
        generator.manual_seed(int(random_state))
    return torch.randn(n, dim, generator=generator)


def as_one(instance: Any) -> Any:
    """Make a collection of one instance."""
    return instance[None] if isinstance(instance, np.ndarray) else [instance]
