"""Encoders of texts: a small transformer, recurrent networks, and any model of the transformers library."""
