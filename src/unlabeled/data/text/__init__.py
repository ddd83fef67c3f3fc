"""Text comes in: files, tables and strings are cut into words and numbered, or counted."""
