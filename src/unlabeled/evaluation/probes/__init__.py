"""Probes: what a simple classifier reads from a representation, and fine-tuning."""
