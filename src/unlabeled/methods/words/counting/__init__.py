"""What is counted before learning: sub-words, co-occurrences, the Huffman tree."""
