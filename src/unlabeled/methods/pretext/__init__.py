"""Pretext methods: solve a task whose answer is known because we made it."""
