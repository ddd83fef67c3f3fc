"""Two SimCLR views of a batch of 8-bit images, as float tensors: ours against torchvision v2 and kornia.

All sides carry out the same operations with the same probabilities. torchvision works image by image from PIL images,
which on a CPU is its faster way (8-bit tensors were up to several times slower); kornia works on the batch, as we do.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from harness import arguments, interleave, report, row
from kornia import augmentation
from torch import Tensor
from torchvision.transforms import v2

from unlabeled.views import simclr

CASES = ((32, 256, 0.5), (96, 128, 1.0), (224, 64, 1.0))
"""Side in pixels, images in the batch, strength of the jitter."""


def blur_kernel(size: int) -> int:
    """Give SimCLR's kernel, an odd number near a tenth of the side."""
    return size // 20 * 2 + 1


def torchvision_views(size: int, s: float) -> v2.Compose:
    jitter = v2.ColorJitter(0.8 * s, 0.8 * s, 0.8 * s, 0.2 * s)
    blur = [v2.RandomApply([v2.GaussianBlur(blur_kernel(size), (0.1, 2.0))], p=0.5)] if size > 32 else []
    return v2.Compose(
        [
            v2.RandomResizedCrop(size),
            v2.RandomHorizontalFlip(),
            v2.RandomApply([jitter], p=0.8),
            v2.RandomGrayscale(0.2),
            *blur,
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )


def kornia_views(size: int, s: float) -> augmentation.AugmentationSequential:
    kernel = (blur_kernel(size), blur_kernel(size))
    blur = [augmentation.RandomGaussianBlur(kernel, (0.1, 2.0), p=0.5)] if size > 32 else []
    return augmentation.AugmentationSequential(
        augmentation.RandomResizedCrop((size, size)),
        augmentation.RandomHorizontalFlip(),
        augmentation.ColorJitter(0.8 * s, 0.8 * s, 0.8 * s, 0.2 * s, p=0.8),
        augmentation.RandomGrayscale(p=0.2),
        *blur,
    )


def two_views_batched(view: Callable[[Tensor], Tensor], batch: Tensor) -> tuple[Tensor, Tensor]:
    images = batch.float().div_(255)
    return view(images), view(images)


def photographs(n: int, size: int) -> Tensor:
    """Make smooth images, as photographs are; pure noise would be no harder for any side, but no likeness either."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(n, 3, 8, 8, generator=generator)
    return (torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic").clamp(0, 1) * 255).byte()


def main() -> None:
    options = arguments(__doc__ or "", rounds=5)
    torch.set_num_threads(2)
    rows = []
    for size, n, s in CASES:
        batch = photographs(n, size)
        pictures = [v2.functional.to_pil_image(image) for image in batch]
        view, one_by_one, batched = simclr(size), torchvision_views(size, s), kornia_views(size, s)

        def ours(view: Callable[[Tensor], Tensor] = view, batch: Tensor = batch) -> object:
            return two_views_batched(view, batch)

        def per_image(view: v2.Compose = one_by_one, pictures: list[object] = pictures) -> object:
            return [torch.stack([view(picture) for picture in pictures]) for _ in range(2)]

        def kornia(view: augmentation.AugmentationSequential = batched, batch: Tensor = batch) -> object:
            return two_views_batched(view, batch)

        for name, peer in (("torchvision v2, image by image", per_image), ("kornia, batched", kornia)):
            times = interleave(ours, peer, options.rounds)
            rows.append(row(f"{size} px, batch {n}: {name}", *times, size=size, batch=n))
    report("views", rows, notes="Two SimCLR views; crop, flip, jitter, grey, and above 32 px blur.")


if __name__ == "__main__":
    main()
