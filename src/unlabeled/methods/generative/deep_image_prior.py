"""Deep image prior: an untrained network restores one image, because it makes images more easily than noise."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from torch import Tensor, nn
from torch.nn import functional as F

from unlabeled.data import Images
from unlabeled.data.image.masks import read_mask
from unlabeled.errors import UnlabeledError, diverged
from unlabeled.estimator import Estimator
from unlabeled.memory import check_memory
from unlabeled.setting_checks import check_types, check_whole_number, check_whole_settings
from unlabeled.training.control.devices import choose_device
from unlabeled.training.control.progress import ProgressBar
from unlabeled.training.loop import own_randomness
from unlabeled.training.settings import check_learning_rates

Watcher = Callable[[int, NDArray[np.uint8]], None]
"""Receives the step and the picture so far."""

SMALLEST = 8
BYTES_A_PIXEL_AND_CHANNEL = 96
"""Memory that a step holds for each pixel of the picture and each channel of the network, measured."""
WATCHED_EVERY = 50


class DeepImagePrior(Estimator):
    r"""One image is restored by fitting an untrained network to it, and stopping before it also fits the damage.

    There is no training set. A network g with weights θ maps fixed random numbers z to an image. Fitted to a damaged
    image X, it makes what is like an image first and noise last. Split: X is what is shown; the clean image Y = g(z) is
    hidden, and d says how the one became the other. Loss, for the three tasks:

    .. math:: \min_\theta \lVert g_\theta(z) - X \rVert^2, \qquad
              \min_\theta \lVert d(g_\theta(z)) - X \rVert^2, \qquad
              \min_\theta \lVert (g_\theta(z) - X) \odot M \rVert^2

    to denoise; to super-resolve, where d shrinks the image; and to inpaint, where M is 1 on the pixels that are known.

    When to stop: with the running mean :math:`m_k = (1 - \alpha) m_{k-1} + \alpha Y_k` of the images of all steps goes
    their running variance :math:`v_k = (1 - \alpha)(v_{k-1} + \alpha \lVert Y_k - m_{k-1} \rVert^2)`. It falls while
    the image takes shape and rises when the network begins to fit noise. The result is the running mean where the
    variance was least; the fit ends when no lower one was found for `patience` steps.

    Parameters
    ----------
    steps : int, default 2000
        Steps at most.
    width : int, default 32
        Channels of the network. More make a better and slower prior; the paper has 128.
    scales : int, default 5
        How often the network halves the image; less for images that are too small.
    learning_rate : float, default 0.01
        Of Adam.
    input_noise : float, default 0.03
        Deviation of the noise that is added to z anew in each step, beside z's own range of 0.1.
    smoothing : float, default 0.05
        α, the weight of a step in the running mean and variance.
    patience : int, default 200
        Steps without a lower variance after which the fit ends. 0 never stops early and gives the last running mean.
    device : str or torch.device, default "auto"
        ``"auto"`` takes a GPU if there is one; or ``"cpu"``, ``"cuda:1"``, ``"mps"``.
    random_state : int, RandomState or None, default None
        With an int, a result is repeatable on one machine.
    progress : bool, optional
        Show a progress bar; by default on a terminal and in a notebook.

    Attributes
    ----------
    history_ : list of dict
        Loss and running variance of each step.
    best_step_ : int
        The step whose running mean is the result.

    References
    ----------
    .. [1] Ulyanov, Vedaldi & Lempitsky, Deep Image Prior, CVPR 2018.
    .. [2] Wang, Li, Zhuang, Chen, Liang & Sun, Early Stopping for Deep Image Prior, TMLR 2023.

    Examples
    --------
    >>> import numpy as np
    >>> noisy = np.random.default_rng(0).random((16, 16))
    >>> DeepImagePrior(steps=5, width=8, random_state=0, progress=False).denoise(noisy).shape
    (16, 16)
    """

    principle: ClassVar[str] = "generative"

    modalities: ClassVar[tuple[str, ...]] = ("image",)

    steps: int = 2000
    width: int = 32
    scales: int = 5
    learning_rate: float = 0.01
    input_noise: float = 0.03
    smoothing: float = 0.05
    patience: int = 200
    device: str | torch.device = "auto"
    random_state: int | None = None
    progress: bool | None = None

    def denoise(self, picture: Any, watch: Watcher | None = None) -> NDArray[np.uint8]:
        """Take the noise out of a picture.

        Parameters
        ----------
        picture : path, PIL image, encoded bytes or array of shape (h, w) or (h, w, 3)
            Arrays are uint8 or float in [0, 1].
        watch : callable, optional
            Called every 50 steps with the step and the picture so far.

        Returns
        -------
        ndarray of uint8, shape (h, w) or (h, w, 3)

        Raises
        ------
        UnlabeledError
            If the picture cannot be read, is smaller than 8 pixels, or there is too little memory.
        """
        seen = as_tensor(picture)
        return self._fit(seen.shape[2:], seen, lambda made: made, torch.ones(1), watch)

    def super_resolve(self, picture: Any, factor: int = 2, watch: Watcher | None = None) -> NDArray[np.uint8]:
        """Make a picture `factor` times as high and wide; shrunk by bicubic interpolation it is the one given.

        Parameters
        ----------
        picture, watch : as in `denoise`
        factor : int, default 2

        Returns
        -------
        ndarray of uint8, shape (factor · h, factor · w) or (factor · h, factor · w, 3)
        """
        check_whole_number("factor", factor, least=2)
        seen = as_tensor(picture)
        low = tuple(seen.shape[2:])
        large = torch.Size(factor * side for side in low)
        return self._fit(
            large, seen, lambda made: F.interpolate(made, low, mode="bicubic", antialias=True), torch.ones(1), watch
        )

    def inpaint(self, picture: Any, mask: Any, watch: Watcher | None = None) -> NDArray[np.uint8]:
        """Fill in the pixels of a picture that the mask marks; all others stay as they are.

        Parameters
        ----------
        picture, watch : as in `denoise`
        mask : path, PIL image or array of shape (h, w)
            Not zero (white) where a pixel is to be filled in.

        Returns
        -------
        ndarray of uint8, shape (h, w) or (h, w, 3)

        Raises
        ------
        UnlabeledError
            If the mask has another size, or marks no pixel or every one.
        """
        seen = as_tensor(picture)
        hidden = read_mask(mask, (seen.shape[2], seen.shape[3]))
        filled = self._fit(seen.shape[2:], seen, lambda made: made, torch.from_numpy(~hidden).float(), watch)
        filled[~hidden] = as_picture(seen)[~hidden]
        return filled

    def _fit(
        self,
        size: torch.Size,
        seen: Tensor,
        damage: Callable[[Tensor], Tensor],
        known: Tensor,
        watch: Watcher | None,
    ) -> NDArray[np.uint8]:
        """Fit a network whose damaged image is `seen` on the known pixels; give its image at the best step."""
        self._check(size)
        device = choose_device(self.device)
        seen, known = seen.to(device), known.to(device)
        self.history_: list[dict[str, float]] = []
        with own_randomness():
            torch.manual_seed(check_random_state(self.random_state).randint(2**31))
            scales = min(self.scales, int(np.log2(min(size) / 4)))
            net = Hourglass(seen.shape[1], self.width, scales).to(device)
            z = 0.1 * torch.rand(1, Hourglass.inputs, *size).to(device, memory_format=torch.channels_last)
            optimizer = torch.optim.Adam(net.parameters(), lr=self.learning_rate)
            with ProgressBar(type(self).__name__, self.steps, 0, self.progress, unit="steps") as bar:
                return self._descend(net, optimizer, z, seen, damage, known, bar, watch)

    def _descend(
        self,
        net: nn.Module,
        optimizer: torch.optim.Optimizer,
        z: Tensor,
        seen: Tensor,
        damage: Callable[[Tensor], Tensor],
        known: Tensor,
        bar: ProgressBar,
        watch: Watcher | None,
    ) -> NDArray[np.uint8]:
        average = RunningAverage(self.smoothing)
        since = time.monotonic()
        for step in range(1, self.steps + 1):
            made = net(z + self.input_noise * torch.randn_like(z))
            loss = ((damage(made) - seen) * known).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            average.add(made.detach(), step)
            self.history_.append({"step": step, "loss": float(loss.detach()), "variance": average.variance})
            if not math.isfinite(self.history_[-1]["loss"]):
                raise diverged(f"the loss is {self.history_[-1]['loss']} in step {step}", self.learning_rate)
            if step % WATCHED_EVERY == 0:
                bar.show(self.history_[-1], WATCHED_EVERY / max(time.monotonic() - since, 1e-9))
                since = time.monotonic()
                if watch is not None:
                    watch(step, as_picture(average.best if self.patience else average.mean))
            bar.advance(step)
            if self.patience and step - average.best_step >= self.patience:
                break
        self.best_step_ = average.best_step if self.patience else step
        return as_picture(average.best if self.patience else average.mean)

    def _check(self, size: torch.Size) -> None:
        check_types(self)
        check_whole_settings(self, "steps", "width", "scales")
        check_whole_number("patience", self.patience, least=0)
        check_learning_rates(self, "learning_rate")
        if not 0 < self.smoothing <= 1:
            raise UnlabeledError(f"smoothing must be above 0 and at most 1, got {self.smoothing!r}")
        if min(size) < SMALLEST:
            raise UnlabeledError(f"deep image prior needs {SMALLEST} pixels a side, not {size[0]} × {size[1]}")
        check_memory(
            size[0] * size[1] * self.width * BYTES_A_PIXEL_AND_CHANNEL,
            f"deep image prior with width={self.width} on {size[0]:,} × {size[1]:,} pixels",
            "shrink the picture or take a smaller width",
        )


class RunningAverage:
    """Running mean and variance of the images of all steps, and the mean where the variance was least.

    Parameters
    ----------
    weight : float
        α, of the latest image.
    """

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self.variance, self.least, self.best_step = 0.0, float("inf"), 0
        self.mean = self.best = torch.empty(0)

    def add(self, image: Tensor, step: int) -> None:
        """Take in the image of a step."""
        if step == 1:
            self.mean, self.best, self.best_step = image.clone(), image.clone(), step
            return
        change = image - self.mean
        # A mean over the pixels in place of the norm's sum, so that the figure does not grow with the picture.
        self.variance = (1 - self.weight) * (self.variance + self.weight * float(change.square().mean()))
        self.mean = self.mean + self.weight * change
        # Before the mean has forgotten the first image the variance is not yet one of recent images.
        if step >= 2 / self.weight and self.variance < self.least:
            self.least, self.best, self.best_step = self.variance, self.mean, step
        elif self.least == float("inf"):
            self.best, self.best_step = self.mean, step


class Hourglass(nn.Module):
    """Down through halved images and up again, with a narrow way across at each scale; the image lies in [0, 1].

    Parameters
    ----------
    outputs : int
        Channels of the image.
    width : int
        Channels inside.
    scales : int
        How often the image is halved.
    """

    inputs: ClassVar[int] = 32
    """Channels of the random numbers that it starts from."""

    def __init__(self, outputs: int, width: int, scales: int) -> None:
        super().__init__()
        scale: nn.Module = nn.Identity()
        for number in reversed(range(scales)):
            scale = Scale(self.inputs if number == 0 else width, width, scale)
        self.scale, self.image = scale, nn.Conv2d(width, outputs, 1)

    def forward(self, z: Tensor) -> Tensor:
        """Map random numbers, shape (1, 32, h, w), to an image, shape (1, outputs, h, w)."""
        image: Tensor = self.image(self.scale(z)).sigmoid()
        return image


class Scale(nn.Module):
    """One scale of an hourglass: halve, do what is `inner`, double, and join with what came across."""

    across: ClassVar[int] = 4

    def __init__(self, inputs: int, width: int, inner: nn.Module) -> None:
        super().__init__()
        self.skip = _convolution(inputs, self.across, 1)
        self.down = nn.Sequential(_convolution(inputs, width, 3, stride=2), _convolution(width, width, 3), inner)
        self.up = nn.Sequential(
            nn.BatchNorm2d(width + self.across),
            _convolution(width + self.across, width, 3),
            _convolution(width, width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (1, inputs, h, w) to (1, width, h, w)."""
        back = F.interpolate(self.down(x), x.shape[2:], mode="bilinear")
        joined: Tensor = self.up(torch.cat((back, self.skip(x)), 1))
        return joined


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    edges: Literal["reflect", "zeros"] = "reflect" if kernel > 1 else "zeros"
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, padding_mode=edges),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(0.2),
    )


def as_tensor(picture: Any) -> Tensor:
    """Read one picture as float32 in [0, 1], shape (1, channels, h, w), grey or RGB."""
    pixels = np.asarray(Images([picture]).decode(0))
    pixels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return torch.from_numpy(pixels.astype(np.float32) / 255)[None]


def as_picture(image: Tensor) -> NDArray[np.uint8]:
    """Undo `as_tensor`: bytes of shape (h, w) or (h, w, 3)."""
    pixels = (image[0] * 255).round().clamp(0, 255).byte().cpu().numpy()
    return pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))
