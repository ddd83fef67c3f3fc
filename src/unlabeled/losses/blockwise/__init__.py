"""What losses share: distances and scores in blocks of rows, sums over processes, checks."""
