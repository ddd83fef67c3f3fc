"""Clusters, topics and outliers of a run or a table."""
