"""Tracking by colorization: colours are copied from earlier frames, and what is copied from where follows objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn
from torch.nn import functional as F

from unlabeled.data.batch import Batch
from unlabeled.data.video import Videos
from unlabeled.data.video.square import Square
from unlabeled.encoders import Encoder, Network
from unlabeled.encoders.video.frame_wise import FrameWise
from unlabeled.errors import UnlabeledError
from unlabeled.losses.blockwise.precision import full_precision
from unlabeled.methods.video.propagation import LabelPropagation, point_maps, point_positions
from unlabeled.methods.video.video_learning import VideoMethod
from unlabeled.processes import gather
from unlabeled.setting_checks import check_whole_number
from unlabeled.training.control.devices import choose_device
from unlabeled.views.photometric.cielab import rgb_to_lab

CHUNK = 16
"""Frames that are encoded at a time while a video is tracked."""


class TrackingByColorization(VideoMethod):
    r"""The last frame of a clip loses its colours, and the network copies them from the frames before.

    Split: x is the clip in grey, y the colours of all its frames, each place of a feature map one of k colours. With f
    the features of places, those of the earlier frames (i) have their colours c given, and the last frame's (j) are
    mixed from them:

    .. math:: A_{ij} = \frac{\exp(f_i \cdot f_j / \tau)}{\sum_{i'} \exp(f_{i'} \cdot f_j / \tau)}, \qquad
              L = -\frac{1}{J} \sum_j \log \sum_i A_{ij} [c_i = c_j]

    To copy the right colour, the network must find where a thing was before. `track` uses the same A to carry masks or
    points of the first frame through a video.

    Parameters
    ----------
    colours : int, default 16
        k. Colours are quantised by k-means in the a and b of CIELAB, anew for every batch: only the frames of one clip
        have to agree on them.
    temperature : float, default 0.07
        τ; the features of a place have length 1.
    projection_dim : int, default 64
        Length of the features that are compared.
    views : str or View, default "auto"
        How clips are distorted. ``"auto"`` leaves them as they are, because a thing must keep its colour from frame to
        frame. Or a name or view as for `SimCLR`.

    References
    ----------
    .. [1] Vondrick, Shrivastava, Fathi, Guadarrama & Murphy, Tracking Emerges by Colorizing Videos, ECCV 2018.

    Examples
    --------
    >>> clips = torch.rand(6, 4, 16, 16, 3).numpy()
    >>> model = TrackingByColorization(epochs=1, random_state=0, progress=False).fit(clips)
    >>> mask = np.zeros((16, 16), dtype=int)
    >>> mask[4:8, 4:8] = 1
    >>> model.track(clips[0], mask).shape
    (4, 16, 16)
    """

    principle: ClassVar[str] = "pretext"

    auto_encoder: ClassVar[Mapping[str, str]] = {"video": "frames:conv:2"}

    clip_length: int = 4
    colours: int = 16
    temperature: float = 0.07
    projection_dim: int = 64

    def prepare(self, preprocessing: Any) -> None:
        """Refuse videos without colour."""
        super().prepare(preprocessing)
        if preprocessing.channels != 3:
            raise UnlabeledError("TrackingByColorization learns from colours, and these videos are grey")
        check_whole_number("colours", self.colours, 2)

    def build(self, encoder: Encoder) -> Network:
        """Take the colours from the encoder's input, and add a projection of each place of its feature maps."""
        if not isinstance(encoder, FrameWise):
            raise UnlabeledError(
                f"TrackingByColorization needs feature maps of single frames, which encoder {encoder.architecture!r} "
                "does not give; use 'frames:conv:2' or 'frames:<image encoder>'"
            )
        encoder.grey = True
        with torch.no_grad():
            inputs = encoder.eval().maps(torch.zeros(1, 1, *encoder.preprocessing.frame.shape)).shape[2]
        encoder.train()
        return Network(encoder, projector=nn.Conv2d(inputs, self.projection_dim, 1))

    def split(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Show the frames, of which the encoder sees no colour; hide the colours, a and b of CIELAB."""
        clips = self.view_(batch.values) if self.views != "auto" else batch.values
        colours = rgb_to_lab(clips.flatten(0, 1).float())[:, 1:]
        return clips, colours.view(*clips.shape[:2], *colours.shape[1:])

    def loss(self, net: Network, x: Tensor, y: Tensor) -> Tensor:
        """Compare the colours of the last frame with what is copied from the others."""
        features = self.places(net, x)
        n, t, _, height, width = features.shape
        small = F.adaptive_avg_pool2d(y.flatten(0, 1), (height, width)).movedim(1, -1).reshape(-1, 2)
        colours = nearest(small, k_means_centres(gather(small), self.colours)).view(n, t, -1)
        f = features.flatten(3)
        references = f[:, :-1].transpose(1, 2).flatten(2)  # (n, d, (t − 1) · places)
        with full_precision(f):
            similarity = torch.einsum("ndi,ndj->nij", references, f[:, -1]) / self.temperature
        same = colours[:, :-1].flatten(1)[:, :, None] == colours[:, -1][:, None, :]
        # A colour that no earlier frame shows cannot be copied; such places do not count.
        found = same.any(1)
        of_same = similarity.masked_fill(~same, torch.finfo(similarity.dtype).min).logsumexp(1)
        losses = similarity.logsumexp(1) - of_same
        # A mean for each clip, and then over the clips, so that parts of a batch make the whole.
        return ((losses * found).sum(1) / found.sum(1).clamp(min=1)).mean()

    def places(self, net: Network, clips: Tensor) -> Tensor:
        """Give the features of every place of every frame, of length 1; shape (n, t, d, height, width)."""
        encoder: Any = net.encoder  # frame-wise, as `build` has seen to
        maps = encoder.maps(clips)
        projected = net.projector(maps.flatten(0, 1))
        return F.normalize(projected.float(), dim=1).view(*maps.shape[:2], -1, *maps.shape[3:])

    @torch.no_grad()
    def track(
        self,
        video: Any,
        masks: Any = None,
        *,
        points: Any = None,
        size: int | None = None,
        memory: int = 5,
        radius: float = 0.25,
        top: int = 10,
    ) -> NDArray[Any]:
        """Carry masks or points of the first frame through a video.

        Parameters
        ----------
        video : path, or array of shape (t, h, w, 3)
            One video, uint8 or float in [0, 1].
        masks : array of int or bool, shape (h, w), optional
            Which object each pixel of the first frame belongs to; 0 is the background.
        points : array of float, shape (k, 2), optional
            In place of masks: positions (x, y) in pixels of the first frame.
        size : int, optional
            Pixels a side to which the frames are brought, by default those of the training. More of them follow smaller
            things; the work grows with the fourth power.
        memory : int, default 5
            Earlier frames that are copied from, beside the first.
        radius : float, default 0.25
            How far a thing moves at most from frame to frame, as a share of the frame's side.
        top : int, default 10
            The most similar places that are copied from.

        Returns
        -------
        ndarray
            Masks: int64 of shape (t, h, w), in the numbers of `masks`. Points: float of shape (t, k, 2).

        Raises
        ------
        UnlabeledError
            If there is not exactly one video, or the masks are not of its size.
        """
        check_is_fitted(self, "encoder_")
        if (masks is None) == (points is None):
            raise UnlabeledError("track needs either masks or points of the first frame")
        videos = video if isinstance(video, Videos) else Videos(video if _is_path(video) else [video])
        if len(videos) != 1:
            raise UnlabeledError(f"track takes one video, and {videos.source} holds {len(videos)}")
        if size is not None and size < 8:
            raise UnlabeledError(f"size must be at least 8 pixels, not {size!r}")
        shape = _frame_size(videos)
        features = self._features_of(videos, size)
        start = next(features)
        carry = LabelPropagation(memory, radius, top, self.temperature)
        grid = (start.shape[1], start.shape[2])
        if points is not None:
            maps = carry(chain([start], features), point_maps(points, shape, grid).to(start.device))
            return np.stack([point_positions(each, shape).cpu().numpy() for each in maps])
        numbers, first = _mask_maps(masks, shape, grid)
        maps = carry(chain([start], features), first.to(start.device))
        tracked = [numbers[_enlarged(each, shape).argmax(0).cpu().numpy()] for each in maps]
        tracked[0] = np.asarray(masks).astype(np.int64)
        return np.stack(tracked)

    def _features_of(self, videos: Videos, size: int | None) -> Iterator[Tensor]:
        """Give the features of all places of each frame of the one video, shape (d, height, width)."""
        device = choose_device(self.device)
        net = self.network_.to(device).eval()
        preprocessing: Any = self.encoder_.preprocessing
        frames = videos.read(0, Square(size or preprocessing.size, "squash"))
        while some := list(islice(frames, CHUNK)):
            clip = torch.from_numpy(np.stack(some)).to(device).float().div_(255)
            yield from self.places(net, clip[None])[0]


def k_means_centres(points: Tensor, k: int, *, rounds: int = 10, sample: int = 4096) -> Tensor:
    """Find k centres of points, shape (m, d), by Lloyd's algorithm on a random sample; shape (k, d).

    The first centres are drawn so that they lie apart (k-means++). All draws are made on the CPU, so that processes
    with the same points find the same centres.
    """
    points = points[torch.randperm(len(points))[:sample].to(points.device)].float()
    centres = points[:1]
    for _ in range(k - 1):
        distance = torch.cdist(points, centres).amin(1).square() + 1e-12
        centres = torch.cat((centres, points[torch.multinomial(distance.cpu(), 1).to(points.device)]))
    for _ in range(rounds):
        own = F.one_hot(nearest(points, centres), k).to(points.dtype)
        counts = own.sum(0)[:, None]
        centres = torch.where(counts > 0, own.T @ points / counts.clamp(min=1), centres)
    return centres


def nearest(points: Tensor, centres: Tensor) -> Tensor:
    """Give the number of the nearest centre of each point."""
    return torch.cdist(points.float(), centres).argmin(1)


def _is_path(video: Any) -> bool:
    return not hasattr(video, "ndim")


def _enlarged(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Bring label maps, shape (labels, height, width), to the size of the frames."""
    return F.interpolate(maps[None], size, mode="bilinear")[0]


def _frame_size(videos: Videos) -> tuple[int, int]:
    first = next(iter(videos.read(0, frames=np.zeros(1, np.int64))))
    return first.shape[1], first.shape[2]


def _mask_maps(masks: Any, size: tuple[int, int], grid: tuple[int, int]) -> tuple[NDArray[np.int64], Tensor]:
    """Give the numbers of the objects, and the share that each has of every place; shape (objects, *grid)."""
    array = np.asarray(masks)
    if array.shape != size:
        raise UnlabeledError(
            f"the masks have shape {array.shape}, but the frames of the video are {size[0]} × {size[1]} pixels"
        )
    if array.dtype.kind not in "biu":
        raise UnlabeledError(f"masks are whole numbers, one an object and 0 for the background, not {array.dtype}")
    numbers, places = np.unique(array.astype(np.int64), return_inverse=True)
    if not numbers.any():
        raise UnlabeledError("the mask marks nothing: all of it is 0, the background")
    shares = F.one_hot(torch.from_numpy(places.reshape(size)), len(numbers)).movedim(-1, 0).float()
    return numbers, F.adaptive_avg_pool2d(shares, grid)
