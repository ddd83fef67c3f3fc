"""Deep methods whose unlabelled loss asks for consistent predictions, and their supervised twin."""
