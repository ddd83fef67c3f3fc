"""Labelling a data set from a few labels."""
