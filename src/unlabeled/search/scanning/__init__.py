"""Exact search: scans over all rows, on all cores."""
