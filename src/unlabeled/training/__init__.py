"""Training: the one loop of every deep method, and the estimator around it."""
