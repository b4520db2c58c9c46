"""Comparing segmentations with a reference: inputs from the scene or from folders, the child process, its results as nodes."""
