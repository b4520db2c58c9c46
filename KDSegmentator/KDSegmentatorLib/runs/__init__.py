"""Runs of a student: of one volume, of the frames of a sequence, of a queue; each volume in a child process, one at a time."""

from __future__ import annotations
