"""Few labels: classifiers that learn from a few labelled instances and many without a label (y = −1)."""
