"""Words as numbers: tokenizing bytes, the vocabulary, and the encoded corpus."""
