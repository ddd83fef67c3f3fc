"""Generative methods: rebuild what was hidden."""
