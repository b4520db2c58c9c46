"""Scans without labels as further cases for distillation."""
