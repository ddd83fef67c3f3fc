"""Verbs that make data: texts, pictures, restored photographs."""
