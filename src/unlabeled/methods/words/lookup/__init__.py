"""Looking words up, and what is checked of vectors."""
