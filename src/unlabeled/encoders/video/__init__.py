"""Encoders of clips: a network for images on every frame, with or without a head over time, and 3-D convolutions."""
