"""Draw every view of the library on photographs: one row a view, one column a sample, saved as a PNG.

Run: python examples/contact_sheet_of_views.py [out.png]
"""

from __future__ import annotations

import sys

import torch
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_sample_images
from torch import Tensor

from unlabeled import views

SIDE = 128
SAMPLES = 8
MARGIN = 210
ROWS: list[tuple[str, views.ImageView]] = [
    ("the photograph", views.Compose([])),
    ("RandomCrop", views.RandomCrop()),
    ("Resize (48 px, shown larger)", views.Resize(48)),
    ("Flip", views.Flip(p=0.5)),
    ("Shift", views.Shift()),
    ("Rotate90", views.Rotate90()),
    ("Rotate", views.Rotate(degrees=30)),
    ("Shear", views.Shear()),
    ("ColourJitter", views.ColourJitter(p=1.0)),
    ("ColourJitter, brightness only", views.ColourJitter(0.8, 0, 0, 0, p=1.0)),
    ("ColourJitter, contrast only", views.ColourJitter(0, 0.8, 0, 0, p=1.0)),
    ("ColourJitter, saturation only", views.ColourJitter(0, 0, 0.8, 0, p=1.0)),
    ("ColourJitter, hue only", views.ColourJitter(0, 0, 0, 0.5, p=1.0)),
    ("Grey", views.Grey(p=0.5)),
    ("Invert", views.Invert()),
    ("Solarize", views.Solarize(threshold=(0.2, 0.8), p=1.0)),
    ("Posterize", views.Posterize(bits=(1, 4))),
    ("Autocontrast", views.Autocontrast()),
    ("Equalize", views.Equalize()),
    ("Blur", views.Blur(sigma=(0.1, 4.0), p=1.0)),
    ("Sharpness", views.Sharpness(amount=4.0)),
    ("Sobel", views.Sobel()),
    ("Cutout", views.Cutout()),
    ("Noise", views.Noise(sigma=(0.0, 0.3))),
    ("RandAugment", views.RandAugment()),
    ("simclr", views.simclr()),
    ("weak", views.weak()),
    ("strong", views.strong()),
]


def photographs() -> Tensor:
    """Take the middles of scikit-learn's two sample photographs, by turns; shape (SAMPLES, 3, SIDE, SIDE)."""
    squares = []
    for photograph in load_sample_images().images:
        height, width = photograph.shape[:2]
        left = (width - height) // 2
        square = Image.fromarray(photograph).crop((left, 0, left + height, height)).resize((SIDE, SIDE))
        squares.append(torch.frombuffer(bytearray(square.tobytes()), dtype=torch.uint8).view(SIDE, SIDE, 3))
    return torch.stack(squares * (SAMPLES // 2)).permute(0, 3, 1, 2).float() / 255


def picture(image: Tensor) -> Image.Image:
    """Turn a tensor, shape (3, h, w), into a picture of the sheet's size."""
    pixels = (image * 255).round().byte().permute(1, 2, 0).contiguous()
    return Image.fromarray(pixels.numpy()).resize((SIDE, SIDE), Image.Resampling.NEAREST)


def sheet(images: Tensor) -> Image.Image:
    """Draw all rows."""
    canvas = Image.new("RGB", (MARGIN + SAMPLES * SIDE, len(ROWS) * SIDE), "white")
    pen = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(14)
    for row, (label, view) in enumerate(ROWS):
        pen.text((8, row * SIDE + SIDE // 2 - 8), label, fill="black", font=font)
        for column, image in enumerate(view(images, torch.Generator().manual_seed(row))):
            canvas.paste(picture(image), (MARGIN + column * SIDE, row * SIDE))
    return canvas


if __name__ == "__main__":
    out = sys.argv[1] if len(sys.argv) > 1 else "contact_sheet_of_views.png"
    sheet(photographs()).save(out)
    print(f"wrote {out}")
