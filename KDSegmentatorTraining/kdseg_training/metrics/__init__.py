"""Overlap and surface metrics in mm, without torch."""
