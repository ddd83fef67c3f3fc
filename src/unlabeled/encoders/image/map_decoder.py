"""From feature maps back to numbers at every pixel."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unlabeled.encoders.encoder import Encoder


class MapDecoder(nn.Module):
    """Feature maps are doubled in size until they are as large as the picture, and joined with the picture itself.

    The picture beside the maps brings the detail that an encoder has no room for; two convolutions then see both.

    Parameters
    ----------
    encoder : Encoder
        Whose `features` come in as maps; it is only measured.
    outputs : int
        Channels of the result.
    beside : int, default 0
        Channels of the picture that comes in beside the maps; 0 for none.
    scale : int, default 1
        How many times lower and narrower than the picture the result is.
    width : int, default 32
        Channels at the last size; before there are twice as many.

    Raises
    ------
    UnlabeledError
        If the encoder has no features.
    """

    def __init__(self, encoder: Encoder, outputs: int, *, beside: int = 0, scale: int = 1, width: int = 32) -> None:
        super().__init__()
        channels, side = map_shape(encoder)
        self.side = -(-encoder.preprocessing.shape[-1] // scale)
        layers: list[nn.Module] = [nn.Conv2d(channels, 2 * width, 1), nn.ReLU()]
        while 2 * side <= self.side:
            side *= 2
            layers += [nn.Upsample(scale_factor=2), nn.Conv2d(2 * width, 2 * width, 3, padding=1), nn.ReLU()]
        self.enlarge = nn.Sequential(*layers, nn.Conv2d(2 * width, width, 1))
        self.picture = nn.Sequential(nn.Conv2d(beside, width, 3, padding=1), nn.ReLU()) if beside else None
        joined = 2 * width if beside else width
        self.refine = nn.Sequential(
            nn.Conv2d(joined, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, outputs, 3, padding=1),
        )

    def forward(self, maps: Tensor, picture: Tensor | None = None) -> Tensor:
        """Map features, shape (n, c, h, w), and the picture, where there is one, to shape (n, outputs, side, side)."""
        large = F.interpolate(self.enlarge(maps), (self.side, self.side), mode="bilinear")
        if self.picture is not None and picture is not None:
            large = torch.cat((large, self.picture(picture)), 1)
        result: Tensor = self.refine(large.relu())
        return result


@torch.no_grad()
def map_shape(encoder: Encoder) -> tuple[int, int]:
    """Give the channels and the side of an encoder's feature maps, by trying it on one image."""
    training = encoder.training
    device = next((parameter.device for parameter in encoder.parameters()), None)  # of one that has learnt, maybe a GPU
    maps = encoder.eval().features(torch.zeros(1, *encoder.preprocessing.shape, device=device)).maps()
    encoder.train(training)
    return maps.shape[1], maps.shape[2]
