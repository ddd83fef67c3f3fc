"""Colours that can be told apart: the first ten by colour-blind readers too, thirty in all."""

from __future__ import annotations

# Found by maximising the least distance in OKLab. Between any two of the first ten it is 0.19, and 0.12 as seen with
# protanopia or deuteranopia (Machado, Oliveira and Fernandes 2009), where common palettes of ten reach 0.01 to 0.08;
# a test keeps that. Beyond ten no palette can do so, and the others are chosen for common vision, 0.1 apart.
PALETTE = (
    "#004bb4", "#f08700", "#00c396", "#690069", "#c3e13c", "#e1a5ff", "#876900", "#5a87ff", "#b45a96", "#004b1e",
    "#a5001e", "#008796", "#5ac3ff", "#00962d", "#ff6987", "#d24b0f", "#783cb4", "#00f0e1", "#a5a500", "#693c00",
    "#ffc369", "#b478f0", "#ffa5a5", "#873c69", "#7878b4", "#3c6900", "#3c1e96", "#00a5d2", "#c387b4", "#a5d296",
)  # fmt: skip

UNLABELLED = "#d9d9d9"
INK = "#333333"


def colour(label: int) -> str:
    """Give the colour of a class; beyond thirty classes colours come round again, and below zero it is grey."""
    return PALETTE[label % len(PALETTE)] if label >= 0 else UNLABELLED
