"""Verbs that look at data through what was learnt: maps, neighbours, features, segments."""
