"""Losses without negatives: predictions, decorrelation, assignments, spread."""
