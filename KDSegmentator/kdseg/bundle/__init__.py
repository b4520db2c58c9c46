"""The student bundle: one file, read as data only."""
