"""Verbs that sort rows into groups: clusters, topics, outliers, classes by name."""
