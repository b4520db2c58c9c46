"""Formats of results, as the names that the user gives ask for them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional

from kdseg.errors import OutputError

FORMATS = ("seg.nrrd", "nii.gz", "nii", "nrrd", "mha")
"""Formats of results, by suffix; the longest first."""


def file_format(out: str) -> Optional[str]:
    """Return the format of the file that ``out`` names; None for a folder.

    Raises
    ------
    OutputError
        If it has a suffix that cannot be written or nothing else, or is a file that exists where a folder is meant.
    """
    path, slash = Path(out), out.endswith(("/", os.sep))
    if path.is_dir():
        return None
    known = next((f for f in FORMATS if out.lower().endswith("." + f)), None)
    writable = ", ".join(f".{f}" for f in FORMATS)
    if known is not None and not slash:
        if path.name.lower() == f".{known}":
            raise OutputError(
                "The result has no name, only a suffix.",
                expected=f"a name before the suffix, for example result.{known}",
                found=path.name,
                path=out,
                remedy="Put a name before the suffix. For a folder of this name, put a slash at the end.",
            )
        return known
    if path.suffix and not slash:
        raise OutputError(
            "Results cannot be written in the format that this name asks for.",
            expected=f"a name ending in {writable}, or a folder",
            found=path.suffix,
            path=out,
            remedy="Use one of these suffixes. For a new folder with a dot in its name, put a slash at the end.",
        )
    if path.exists():
        raise OutputError(
            "This is a file, but -o would use it as a folder.",
            expected=f"a folder, or the name of a result ending in {writable}",
            found="a file that exists",
            path=out,
            remedy="Choose another name with -o.",
        )
    return None
