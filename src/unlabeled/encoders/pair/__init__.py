"""Encoders of pairs: two towers that meet in one space."""
