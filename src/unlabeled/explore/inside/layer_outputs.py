"""Layers of a network: their kernels, and what comes out of them for an image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from unlabeled.errors import UnlabeledError


def convolutions(net: nn.Module) -> dict[str, nn.Conv2d]:
    """Give the 2-D convolutions of a network by name, in the order in which they were defined.

    Examples
    --------
    >>> list(convolutions(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3))))
    ['0', '2']
    """
    return {name: module for name, module in net.named_modules() if isinstance(module, nn.Conv2d)}


def first_filters(net: nn.Module, channels: int) -> Tensor:
    """Give the filters of the first layer as small images.

    Parameters
    ----------
    net : Module
        Its first layer is a convolution, or a linear map of whole square images or patches.
    channels : int
        Channels of the images that it takes.

    Returns
    -------
    Tensor, shape (filters, channels, h, w)

    Raises
    ------
    UnlabeledError
        If the first layer has no filters over images.
    """
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            return module.weight.detach()
        if isinstance(module, nn.Linear):
            side = round((module.in_features / channels) ** 0.5)
            if channels * side**2 == module.in_features:
                return module.weight.detach().reshape(-1, channels, side, side)
            break
    raise UnlabeledError("the first layer of this network is no convolution and no map of square images")


@contextmanager
def captured(modules: Mapping[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Keep what comes out of the modules while the block runs; a module that runs twice keeps the later one.

    What follows gets a copy, so a layer that works in place does not change what is kept.
    """
    kept: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> Any:
            if not isinstance(output, Tensor):
                return output
            kept[name] = output
            return output.clone()

        return hook

    handles = [module.register_forward_hook(keep(name)) for name, module in modules.items()]
    try:
        yield kept
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def feature_maps(net: nn.Module, images: Tensor, layers: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """Give what comes out of layers for images.

    Parameters
    ----------
    net : Module
        In evaluation mode.
    images : Tensor, shape (n, c, h, w)
        In canonical units.
    layers : mapping of str to Module
        Parts of `net`, such as `convolutions` gives.

    Returns
    -------
    dict of str to Tensor, each of shape (n, channels, h', w')
    """
    with captured(layers) as kept:
        net(images)
    return kept


def convolutions_of_whole(net: nn.Module, images: Tensor) -> dict[str, nn.Conv2d]:
    """Give the convolutions that see whole images. Those of an encoder of windows see many parts of each image."""
    layers = convolutions(net)
    outputs = feature_maps(net, images, layers)
    return {name: layer for name, layer in layers.items() if name in outputs and len(outputs[name]) == len(images)}


def last_maps(net: nn.Module, images: Tensor) -> nn.Module | None:
    """Find the module whose output is the last with places, or None.

    That is an output of shape (n, channels, h', w'), one for each image, with h' · w' > 1.
    """
    leaves = {name: module for name, module in net.named_modules() if not list(module.children())}
    outputs = feature_maps(net, images, leaves)
    whole = {name: output for name, output in outputs.items() if output.ndim > 3 and len(output) == len(images)}
    named = [name for name, output in whole.items() if output[0, 0].numel() > 1]
    return leaves[named[-1]] if named else None
