"""Training of word vectors by prediction."""
