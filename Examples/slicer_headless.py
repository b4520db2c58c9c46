"""Segment a folder of images with Slicer, without its windows.

Usage: ``Slicer --no-main-window --python-script slicer_headless.py IMAGES STUDENT RESULTS``

``IMAGES`` is a folder of images or of one DICOM series, or one image; ``STUDENT`` the name of an installed student or the path
of a ``.kdseg.zip``. ``RESULTS`` gets one ``.seg.nrrd`` for each image and the table ``volumes.csv``. An image that fails does
not stop the rest. Slicer's exit code is 0 if all were segmented, that of :mod:`kdseg.errors` if nothing could start, else 1.
"""

from __future__ import annotations

import sys
from typing import Any

import slicer.util

from kdseg.errors import KDSegError
from KDSegmentator import KDSegmentatorLogic


def show(update: Any) -> None:
    """Print how far the queue is, on one line."""
    print(f"\r{update.item} of {update.items}: {update.name}, {update.stage} {update.fraction:4.0%}", end="", flush=True)


def main(arguments: list[str]) -> int:
    """Segment and return the exit code."""
    if len(arguments) != 3:
        print("Usage: Slicer --no-main-window --python-script slicer_headless.py IMAGES STUDENT RESULTS", file=sys.stderr)
        return 2
    images, student, results = arguments
    try:
        run = KDSegmentatorLogic().queue(images, student, results, onProgress=show)
    except KDSegError as error:
        print(f"\n{error}", file=sys.stderr)
        return error.exit_code
    print()
    for result in run.results:
        print(f"{result.name}: {result.state}{f', {result.error}' if result.error else ''}")
    return 0 if run.state == "succeeded" else 1


slicer.util.exit(main(sys.argv[1:]))
