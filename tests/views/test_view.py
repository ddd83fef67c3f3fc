"""What every view promises, whatever it does to an image."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import pytest
import torch

import unlabeled.views as room
from unlabeled.errors import UnlabeledError
from unlabeled.views import (
    Autocontrast,
    Blur,
    BySize,
    ColourJitter,
    Compose,
    Cutout,
    Equalize,
    Flip,
    Grey,
    ImageView,
    Invert,
    Noise,
    Posterize,
    RandAugment,
    RandomCrop,
    Resize,
    Rotate,
    Rotate90,
    Sharpness,
    Shear,
    Shift,
    Sobel,
    Solarize,
    TableCorruption,
    View,
    simclr,
    strong,
    weak,
)

OPERATIONS = [
    Autocontrast(),
    Blur(p=1.0),
    ColourJitter(p=1.0),
    Cutout(),
    Equalize(),
    Flip(p=1.0),
    Grey(p=1.0),
    Invert(),
    Noise(sigma=(0.05, 0.2)),
    Posterize(),
    RandomCrop(),
    Rotate(),
    Rotate90(),
    Sharpness(),
    Shear(),
    Shift(),
    Sobel(),
    Solarize(threshold=(0.2, 0.8), p=1.0),
]
OTHERS = [Resize(9), RandomCrop(size=9), RandAugment(), simclr(), simclr(40), weak(), strong(), strong(9), Compose([])]
VIEWS = OPERATIONS + OTHERS
UNIFORM = [Flip, Grey, Invert, Autocontrast, Equalize, Sobel]  # with p = 1 they do the same to every image


def label(view: View) -> str:
    return type(view).__name__


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def smooth(n: int, channels: int = 3, height: int = 16, width: int = 16) -> torch.Tensor:
    """Random images with some structure, well inside [0, 1]."""
    coarse = torch.rand(n, channels, 4, 4, generator=seeded(99)) * 0.8 + 0.1
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")


def test_every_operation_of_the_room_is_tested_here():
    views = {cls for cls in vars(room).values() if isinstance(cls, type) and issubclass(cls, ImageView)}
    assert {cls for cls in views if cls.__module__ != "unlabeled.views.view"} == {*map(type, VIEWS), BySize}


@pytest.mark.parametrize("view", VIEWS, ids=label)
class TestEveryView:
    def test_gives_a_batch_of_its_kind(self, view):
        result = view(smooth(5), seeded())
        assert result.shape[:2] == (5, 3)
        assert result.dtype == torch.float32
        assert result.min() >= 0
        assert result.max() <= 1

    def test_leaves_its_input_alone_and_gives_a_new_tensor(self, view):
        images = smooth(5)
        before = images.clone()
        view(images, seeded()).fill_(0.123)
        assert torch.equal(images, before)

    def test_the_same_seed_gives_the_same_views(self, view):
        images = smooth(5)
        torch.manual_seed(1)
        first = view(images)
        torch.manual_seed(1)
        assert torch.equal(view(images), first)
        assert torch.equal(view(images, seeded(4)), view(images, seeded(4)))

    def test_does_the_same_alone_and_in_a_compose_of_one(self, view):
        images = smooth(5)
        assert torch.equal(Compose([view])(images, seeded()), view(images, seeded()))

    def test_an_image_does_not_depend_on_its_neighbours(self, view):
        images = smooth(6)
        others = torch.rand_like(images)
        others[2] = images[2]
        assert torch.equal(view(images, seeded(3))[2], view(others, seeded(3))[2])

    def test_takes_no_images_and_one_image(self, view):
        size = view(smooth(2), seeded()).shape[1:]
        assert view(smooth(0), seeded()).shape == (0, *size)
        assert view(smooth(1), seeded()).shape == (1, *size)

    def test_takes_a_one_pixel_image(self, view):
        result = view(torch.full((3, 3, 1, 1), 0.4), seeded())
        assert result.isfinite().all()

    def test_takes_grey_images(self, view):
        assert view(smooth(4, channels=1), seeded()).shape[1] == 1

    def test_takes_any_strides(self, view):
        images = smooth(4)
        expected = view(images, seeded())
        torch.testing.assert_close(view(images.contiguous(memory_format=torch.channels_last), seeded()), expected)
        spaced = torch.zeros(4, 3, 16, 32)[..., ::2].copy_(images)
        torch.testing.assert_close(view(spaced, seeded()), expected)

    def test_double_precision_agrees_with_single(self, view):
        images = smooth(4)
        double = view(images.double(), seeded())
        assert double.dtype == torch.float64
        if not contains(view, (Equalize, Posterize, Solarize)):  # these jump at a threshold
            torch.testing.assert_close(double.float(), view(images, seeded()), rtol=0, atol=2e-5)

    def test_single_precision_is_enough_for_the_device(self, view, device_without_double):
        expected = view(smooth(4), seeded())
        torch.testing.assert_close(view(device_without_double(smooth(4)), seeded()).cpu(), expected)

    def test_half_precision_is_computed_in_single(self, view):
        images = smooth(4).bfloat16()
        result = view(images, seeded())
        assert result.dtype == torch.bfloat16
        assert torch.equal(result, view(images.float(), seeded()).bfloat16())

    def test_automatic_mixed_precision_changes_nothing(self, view):
        images = smooth(4)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            mixed = view(images, seeded())
        assert torch.equal(mixed, view(images, seeded()))

    def test_its_description_is_json_and_makes_it_again(self, view):
        description = json.loads(json.dumps(view.to_dict()))
        again = View.from_dict(description)
        assert again == view
        assert hash(again) == hash(view)
        assert torch.equal(again(smooth(3), seeded()), view(smooth(3), seeded()))


def contains(view: View, kinds: tuple[type[View], ...]) -> bool:
    parts = [getattr(view, field.name) for field in dataclasses.fields(view)]
    inner = [part for field in parts for part in (field if isinstance(field, tuple) else (field,))]
    return isinstance(view, kinds) or any(isinstance(part, View) and contains(part, kinds) for part in inner)


@pytest.mark.parametrize("view", OPERATIONS, ids=label)
class TestEveryOperation:
    def test_takes_images_that_are_not_square(self, view):
        images = smooth(4, height=11, width=18)
        if isinstance(view, Rotate90):
            with pytest.raises(UnlabeledError, match="square images; these are 11 × 18"):
                view(images, seeded())
        else:
            assert view(images, seeded()).shape == images.shape

    def test_each_image_has_parameters_of_its_own(self, view):
        one = smooth(1)
        results = view(one.expand(12, -1, -1, -1), seeded())
        different = len({tuple(result.flatten().tolist()) for result in results})
        if isinstance(view, tuple(UNIFORM)):
            assert different == 1
        else:
            assert different >= 4  # quarter turns and bit depths are few; the rest are all different
            if not isinstance(view, (Rotate90, Posterize, Shift)):
                assert different == 12

    def test_probability_0_changes_nothing(self, view):
        images = torch.rand(4, 3, 7, 7)
        assert torch.equal(dataclasses.replace(view, p=0.0)(images, seeded()), images)

    def test_probability_one_half_changes_about_half_and_leaves_the_rest_exactly(self, view):
        images = smooth(1).expand(200, -1, -1, -1)
        sometimes = dataclasses.replace(view, p=0.5)(images, seeded(2))
        same = (sometimes == images).flatten(1).all(1)
        # A quarter of quarter turns, and the occasional shift or depth, do nothing even when they are chosen.
        assert 60 < same.sum() < 145

    def test_draws_as_much_whatever_is_chosen(self, view):
        generators = seeded(), seeded()
        for p, generator in zip((0.0, 1.0), generators, strict=True):
            dataclasses.replace(view, p=p)(smooth(4), generator)
        assert torch.equal(generators[0].get_state(), generators[1].get_state())

    @pytest.mark.parametrize("p", [-0.1, 1.5])
    def test_refuses_what_is_no_probability(self, view, p):
        with pytest.raises(UnlabeledError, match=f"{type(view).__name__}: p={p} must be a probability"):
            dataclasses.replace(view, p=p)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomCrop(scale=(0.0, 1.0)), r"RandomCrop: scale=\(0.0, 1.0\) must be"),
        (lambda: RandomCrop(scale=(0.5, 1.1)), "scale"),
        (lambda: RandomCrop(ratio=(2.0, 1.0)), "ratio"),
        (lambda: RandomCrop(size=0), "size=0"),
        (lambda: Resize(0), "size=0"),
        (lambda: Shift(-0.1), "fraction"),
        (lambda: Rotate(200), "degrees=200"),
        (lambda: Shear(-1), "amount"),
        (lambda: ColourJitter(brightness=-1), "brightness"),
        (lambda: ColourJitter(hue=0.6), "hue"),
        (lambda: Blur(sigma=(2.0, 1.0)), "sigma"),
        (lambda: Blur(sigma=(-1.0, 1.0)), "sigma"),
        (lambda: Sharpness(-1), "amount"),
        (lambda: Noise(sigma=(0.2, 0.1)), "sigma"),
        (lambda: Cutout(1.5), "fraction"),
        (lambda: Solarize(threshold=(0.5, 2.0)), "threshold"),
        (lambda: Posterize(bits=(0, 8)), "bits"),
        (lambda: RandAugment(count=-1), "count"),
        (lambda: RandAugment(operations=()), "operations"),
        (lambda: BySize(Flip(), Flip(), limit=0), "limit"),
        (lambda: TableCorruption(2.0), "p=2.0"),
        (lambda: Compose([torch.nn.Identity()]), r"Compose takes views of images; got Identity\(\)"),
    ],
)
def test_parameters_out_of_range_are_refused(make, message):
    with pytest.raises(UnlabeledError, match=message):
        make()


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (torch.zeros(2, 3, 8, 8, dtype=torch.uint8), r"floats in \[0, 1\]; got torch.uint8: use batch.float\(\) / 255"),
        (torch.zeros(3, 8, 8), r"got \(3, 8, 8\)"),
        (torch.zeros(2, 3, 0, 8), r"got \(2, 3, 0, 8\)"),
    ],
)
def test_a_batch_that_is_no_images_is_refused(batch, message):
    with pytest.raises(UnlabeledError, match=message):
        Flip()(batch)


@pytest.mark.parametrize("view", [ColourJitter(), Grey()], ids=label)
def test_colour_needs_one_or_three_channels(view):
    with pytest.raises(UnlabeledError, match=r"3 channels \(RGB\) or 1 \(grey\); these images have 5"):
        view(torch.rand(2, 5, 8, 8))


@pytest.mark.parametrize("view", [v for v in OPERATIONS if not isinstance(v, (ColourJitter, Grey))], ids=label)
def test_all_else_takes_any_number_of_channels(view):
    assert view(smooth(2, channels=5), seeded()).shape == (2, 5, 16, 16)


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({"view": "Flipp", "p": 0.5}, "unknown view 'Flipp'; did you mean 'Flip'"),
        ({"p": 0.5}, "unknown view ''"),
        ({"view": "Flip", "q": 0.5}, "cannot make the view Flip"),
        ({"view": "Operation"}, "cannot make the view Operation"),
    ],
)
def test_a_description_of_no_view_is_refused(description, message):
    with pytest.raises(UnlabeledError, match=message):
        View.from_dict(description)


def test_views_are_found_in_files_that_nothing_has_imported():
    """As when a saved model is loaded in a fresh process."""
    program = """
from unlabeled.views import View
for name in ("TokenCrop", "TokenDeletion", "TableCorruption", "RandAugment"):
    made = View.from_dict({"view": name})
    print(made.to_dict()["view"])
"""
    made = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert made.split() == ["TokenCrop", "TokenDeletion", "TableCorruption", "RandAugment"]


def test_a_view_of_a_users_own_can_be_described_and_made_again():
    @dataclasses.dataclass(frozen=True)
    class Darken(room.Operation):
        by: float = 0.5
        p: float = 1.0

        def apply(self, canvas, chosen, generator):
            canvas.change(lambda images: images * self.by, chosen)

    view = Compose([Flip(), Darken(by=0.25)])
    again = View.from_dict(json.loads(json.dumps(view.to_dict())))
    assert again == view
    torch.testing.assert_close(again(torch.ones(2, 3, 4, 4)), torch.full((2, 3, 4, 4), 0.25))
    del View._known["Darken"]
