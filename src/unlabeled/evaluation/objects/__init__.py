"""Detection of objects: a detector on a trunk, and average precision."""
