"""What a character is to a tokenizer: numbers that the compiled tokenizer and the table of Unicode share."""

SEPARATOR, LETTER, JOINER, BREAK, NUL = range(5)
"""Between words; of a word; of a word if letters stand on both sides; the end of a line; what no text has."""
