"""A network: an encoder and whatever else a method needs around it."""

from __future__ import annotations

from typing import cast

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


def ready_convolutions(net: nn.Module) -> None:
    """Lay kernels of 2-D convolutions out with channels last, as their inputs are, and have small maps padded first."""
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            module.to(memory_format=torch.channels_last)
        wide = isinstance(module, nn.Conv2d) and module.padding_mode == "zeros" and max(module.kernel_size) > 1
        if wide and _pads_small_maps not in module._forward_pre_hooks.values():
            module.register_forward_pre_hook(_pads_small_maps)


def _pads_small_maps(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Have a map that is smaller than the kernel padded in a step of its own.

    Where oneDNN pads it, parts of the kernel may meet nothing but padding; in bfloat16 their gradients are not set to
    zero then but stay as the memory was: wrong, and now and then not finite.
    """
    conv = cast("nn.Conv2d", module)
    small = any(side < kernel for side, kernel in zip(inputs[0].shape[-2:], conv.kernel_size, strict=True))
    conv.padding_mode = "constant" if small else "zeros"  # type: ignore[assignment]  # the mode that `F.pad` is given
