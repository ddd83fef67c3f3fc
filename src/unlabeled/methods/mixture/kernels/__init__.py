"""The compiled parts of the mixtures, one small file each, with the derivation beside the code."""
