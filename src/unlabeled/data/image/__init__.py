"""Images: from files and arrays, decoded, prepared for training, with masks and marked objects."""
