"""Search: the smallest of many scores, and shortest paths in sparse graphs."""
