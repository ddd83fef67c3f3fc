"""Tokenizers: words and sub-words, the scripts that need a segmenter, stop words."""
