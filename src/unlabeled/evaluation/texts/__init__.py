"""Judging encoders of texts on tasks with labels, beside baselines that know no language."""
