"""Views that move pixels."""
