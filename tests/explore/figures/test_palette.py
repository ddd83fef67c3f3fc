"""The claim that the colours can be told apart, checked on simulated colour blindness."""

from itertools import combinations

import numpy as np
import pytest

from unlabeled.explore.figures.palette import PALETTE, UNLABELLED, colour

# Machado, Oliveira and Fernandes 2009, full severity, on linear RGB.
SIGHT = {
    "common": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
}


def oklab(name, sight):
    """Give a colour's place in OKLab (Ottosson 2020), where distances are as large as they look."""
    rgb = np.array([int(name[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.asarray(SIGHT[sight]) @ linear, 0, 1)
    cones = np.cbrt(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
        @ linear
    )
    return [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ] @ cones


def least_distance(names, sight):
    places = [oklab(name, sight) for name in names]
    return min(np.linalg.norm(a - b) for a, b in combinations(places, 2))


@pytest.mark.parametrize("sight", SIGHT)
def test_ten_colours_and_the_grey_are_distinct_to_everyone(sight):
    assert least_distance([*PALETTE[:10], UNLABELLED], sight) > 0.115


def test_thirty_colours_are_distinct():
    assert len(set(PALETTE)) == 30
    assert least_distance([*PALETTE, UNLABELLED], "common") > 0.1


def test_colours_by_number():
    assert colour(-1) == UNLABELLED
    assert colour(0) == PALETTE[0] == colour(30)
