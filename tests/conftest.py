"""What all tests share: small real data, and a quiet, repeatable machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from torch.overrides import TorchFunctionMode

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))


@pytest.fixture(autouse=True)
def same_draws():
    """Start every test from one random state, so that what fails fails again."""
    torch.manual_seed(0)


class OnGPU(torch.Tensor):
    """Stands for a tensor on a GPU, which the machine that tests may not have: NumPy cannot read it before `cpu`."""

    def numpy(self, **options):
        raise TypeError("can't convert a tensor on a GPU to numpy; use Tensor.cpu() first")

    def cpu(self):
        return self.as_subclass(torch.Tensor)


@pytest.fixture(scope="session")
def on_gpu() -> Callable[[torch.Tensor], torch.Tensor]:
    """Make a tensor one that stands for a tensor on a GPU."""
    return lambda tensor: tensor.as_subclass(OnGPU)


class OnDevice(torch.Tensor):
    """Stands for a tensor on a device without float64, such as Apple's GPUs."""


class DeviceWithoutDouble(TorchFunctionMode):
    """Takes all that `Tensor.to` is given a device for as lying on it, and what is made of that; refuses float64."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        given = (*args, *(kwargs or {}).values())
        result = func(*args, **(kwargs or {}))
        with torch._C.DisableTorchFunctionSubclass():
            if func is torch.Tensor.cpu:
                return result.as_subclass(torch.Tensor)
            if func is torch.Tensor.to and any(isinstance(each, torch.device) for each in given):
                result = result.as_subclass(OnDevice)
            if isinstance(result, OnDevice) and result.dtype == torch.float64:
                raise TypeError(f"{func.__name__} gives float64 on a device that does not have it")
        return result


@pytest.fixture
def device_without_double() -> Callable[[torch.Tensor], torch.Tensor]:
    """Bring a tensor to a device that refuses float64, for the length of a test."""
    with DeviceWithoutDouble():
        yield lambda tensor: tensor.to(torch.device("cpu"))


@pytest.fixture(scope="session")
def digits():
    """Scikit-learn's digits: images uint8 (1797, 8, 8) and labels (1797,)."""
    bunch = load_digits()
    return (bunch.images * (255 / 16)).round().astype(np.uint8), bunch.target.astype(np.int64)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data, or a skip that says how to have it."""
    folder = os.environ.get("UNLABELED_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("set UNLABELED_DATA to the folder with the real data sets")
    return Path(folder)


@pytest.fixture(scope="session")
def write_video() -> Callable[..., Path]:
    """Write frames, uint8 (t, h, w, 3), as a video file; ffv1 keeps every pixel as it is."""
    import av

    def write(
        path: Path,
        frames: NDArray[np.uint8],
        times: Sequence[float] | None = None,
        rate: int = 10,
        codec: str = "ffv1",
        options: dict[str, str] | None = None,
        unit: Fraction = Fraction(1, 1000),
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=rate, options=options or {})
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt = "bgr0" if codec == "ffv1" else "yuv420p"
            stream.time_base = stream.codec_context.time_base = unit
            for number, pixels in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame.time_base = unit
                frame.pts = round((number / rate if times is None else times[number]) / unit)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    return write
