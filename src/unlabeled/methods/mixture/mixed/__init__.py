"""The steps of a mixture on numbers and categories."""
