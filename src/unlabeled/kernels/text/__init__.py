"""Text: words found in bytes and numbered, pairs of neighbours counted and joined."""
