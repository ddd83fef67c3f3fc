"""Figures: scatter plots, curves, contact sheets, overlays, and what they share."""
