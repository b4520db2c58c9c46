"""Segmentation in a child process: what is asked, what is told, and how it ends.

Importing this package loads neither Qt nor anything heavy; :mod:`.process` needs ``qt``.
"""
