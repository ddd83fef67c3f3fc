"""Bases of methods, by what one instance gives: views, crops, tuples, tokens."""
