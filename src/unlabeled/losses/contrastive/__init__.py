"""Contrastive losses: one positive among negatives."""
