"""The compiled parts of the word methods, one small file each, with the derivation beside the code."""
