"""Verbs that learn and judge."""
