"""Contrastive methods: what belongs together attracts, the rest repels."""
