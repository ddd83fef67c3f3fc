"""Excitation: the images, and the parts of them, to which the filters of a layer answer most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unlabeled.data.instances import Instances
from unlabeled.encoders import Encoder
from unlabeled.explore.inside.layer_outputs import captured

BATCH = 128


@dataclass(frozen=True)
class Excitation:
    """For each filter the images that excite it most, strongest first; all of it in the processor's memory.

    Attributes
    ----------
    rows : Tensor of int64, shape (filters, k)
        Positions of the images among the instances.
    places : Tensor of int64, shape (filters, k)
        Where in the feature map the largest value lies, counted row by row.
    values : Tensor, shape (filters, k)
        The largest values.
    """

    rows: Tensor
    places: Tensor
    values: Tensor


@torch.no_grad()
def most_exciting(
    encoder: Encoder,
    layer: nn.Module,
    instances: Instances,
    filters: Sequence[int],
    k: int = 6,
    rows: Tensor | None = None,
) -> Excitation:
    """Find the images in which the largest value of a feature map is largest.

    Parameters
    ----------
    encoder : Encoder
        In evaluation mode, on any device.
    layer : Module
        A part of it whose output has shape (n, channels, h, w).
    instances : Instances
        Prepared as `encoder.preprocessing` says.
    filters : sequence of int
        Channels of the layer.
    k : int, default 6
        Images for each; fewer where there are not so many.
    rows : Tensor of int64, optional
        The instances to look at; by default all.
    """
    values, places = [], []
    device = next(encoder.parameters()).device
    looked_at = torch.arange(len(instances)) if rows is None else rows
    for batch in instances.batches(looked_at.split(BATCH)):
        with captured({"layer": layer}) as kept:
            encoder(encoder.preprocessing.canonical(batch.to(device).values))
        best = kept["layer"][:, list(filters)].flatten(2).max(2)
        values.append(best.values.cpu())
        places.append(best.indices.cpu())
    found = torch.cat(values).topk(min(k, len(looked_at)), dim=0)
    return Excitation(looked_at[found.indices].T, torch.cat(places).gather(0, found.indices).T, found.values.T)


def exciting_patches(encoder: Encoder, layer: nn.Module, images: Tensor, filters: Tensor, places: Tensor) -> Tensor:
    """Cut out the part of each image on which one value of a feature map depends.

    The part is the smallest square that holds every pixel with a gradient other than zero. It is centred where the
    image has room, and enlarged to the size of the image, each pixel becoming a square.

    Parameters
    ----------
    encoder : Encoder
        In evaluation mode, on any device.
    layer : Module
        A part of it whose output has shape (n, channels, h, w).
    images : Tensor, shape (n, c, side, side)
        In canonical units.
    filters, places : Tensor of int64, shape (n,)
        For each image the channel, and the place in its feature map, counted row by row.

    Returns
    -------
    Tensor, shape (n, c, side, side)
        On the device of `images`.
    """
    with torch.enable_grad(), captured({"layer": layer}) as kept:
        asked = images.detach().to(next(encoder.parameters()).device, copy=True).requires_grad_()
        encoder(asked)
        values = kept["layer"].flatten(2)[torch.arange(len(images)), filters, places]
        (gradient,) = torch.autograd.grad(values.sum(), asked)
    touched = gradient.abs().amax(1).to(images.device) > 0
    return torch.stack([_cut(image, region) for image, region in zip(images, touched, strict=True)])


def _cut(image: Tensor, region: Tensor) -> Tensor:
    """Cut the square around a region, shape (side, side), out of an image, and enlarge it to the image's size."""
    side = image.shape[-1]
    lines = [torch.nonzero(region.any(axis))[:, 0] for axis in (1, 0)]
    if not len(lines[0]):  # the value depends on no pixel
        return image
    length = max(int(line[-1] - line[0]) + 1 for line in lines)
    starts = [min(max(int(line[0] + line[-1] + 1 - length) // 2, 0), side - length) for line in lines]
    part = image[:, starts[0] : starts[0] + length, starts[1] : starts[1] + length]
    nearest = torch.arange(side) * length // side
    return part[:, nearest][:, :, nearest]
