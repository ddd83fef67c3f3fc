"""A network: an encoder and whatever else a method needs around it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unlabeled.encoders.encoder import Encoder
from unlabeled.encoders.teacher import Teacher
from unlabeled.losses import Centre, MemoryBank, Queue


class Network(nn.Module):
    """An encoder plus the parts a method adds; the encoder is what users get, the parts serve to train it.

    Parameters
    ----------
    encoder : Encoder
        From instance to vector.
    **parts : Module
        Added under their names, such as ``projector``, ``predictor``, ``decoder``, ``head``, ``teacher`` or ``queue``.
    """

    encoder: Encoder
    projector: nn.Module
    predictor: nn.Module
    decoder: nn.Module
    head: nn.Module
    prototypes: nn.Module
    context: nn.Module
    queue: Queue
    bank: MemoryBank
    centre: Centre
    log_partition: Tensor
    teacher: Teacher | None

    def __init__(self, encoder: Encoder, **parts: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.teacher = None
        for name, part in parts.items():
            setattr(self, name, part)

    def project(self, x: Tensor) -> Tensor:
        """Encode, then map into the space where the loss compares."""
        projected: Tensor = self.projector(self.encoder(x))
        return projected


def channels_last(net: nn.Module) -> None:
    """Lay the kernels of 2-D convolutions out with channels last, as their inputs are; others have no such layout."""
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            module.to(memory_format=torch.channels_last)
