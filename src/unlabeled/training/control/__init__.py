"""Devices, progress, interrupts and the state that a checkpoint keeps."""
