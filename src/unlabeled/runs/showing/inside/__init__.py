"""A look inside the encoder of a run, as one page."""
