"""Checkpoints: nnU-Net's keys, what this trainer adds, written atomically and read back as data only."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

import torch

from kdseg.atomic import atomic_path
from kdseg.errors import ResumeError
from kdseg_training.export.torch_data import load_data

LATEST = "checkpoint_latest.pth"
FINAL = "checkpoint_final.pth"

OWN_KEY = "kdseg"
"""Under it stands what nnU-Net does not know; stock inference ignores it."""

FORMAT = 1
"""Version of what stands under :data:`OWN_KEY`."""

_RESTART = "Start again with --restart; the earlier run is moved aside, not deleted."


def save(path: Path, content: Mapping[str, Any]) -> None:
    """Write a checkpoint: whoever is killed while writing leaves the one before.

    Raises
    ------
    OutputError
        If the disk is full or the folder read-only; the checkpoint before is untouched.
    """
    with atomic_path(path) as temporary:
        try:
            torch.save(dict(content), temporary)
        except RuntimeError as error:  # torch's zip writer reports a full disk so
            raise OSError(str(error).splitlines()[0]) from error


def load(path: Path) -> Dict[str, Any]:
    """Read a checkpoint of this trainer, tensors to the CPU.

    Raises
    ------
    ResumeError
        If it cannot be read, is damaged, holds more than data, or was not written by this trainer.
    """
    try:
        with path.open("rb") as file:
            content = load_data(file, path, refusal=ResumeError, remedy=_RESTART)
    except OSError as error:
        raise ResumeError(
            "The checkpoint cannot be read.", found=error.strerror or str(error), path=path, remedy=_RESTART
        ) from error
    own = content.get(OWN_KEY) if isinstance(content, dict) else None
    if not isinstance(own, dict) or own.get("format") != FORMAT:
        raise ResumeError(
            "The checkpoint was not written by this trainer, or by another version of it.",
            expected=f"{OWN_KEY} of format {FORMAT}",
            found=repr(own.get("format")) if isinstance(own, dict) else f"no {OWN_KEY}",
            path=path,
            remedy=_RESTART,
        )
    return dict(content)


def newest(folder: Path) -> Optional[Path]:
    """Return the checkpoint to continue from: the final one, else the latest, else None."""
    return next((folder / name for name in (FINAL, LATEST) if (folder / name).is_file()), None)


def differences(stored: Mapping[str, Any], wanted: Mapping[str, Any], prefix: str = "") -> List[str]:
    """Return ``key: stored -> wanted`` for every setting that differs, nested keys with dots."""
    found: List[str] = []
    for key in sorted({*stored, *wanted}):
        old, new = stored.get(key), wanted.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            found += differences(old, new, f"{prefix}{key}.")
        elif old != new:
            found.append(f"{prefix}{key}: {old!r} -> {new!r}")
    return found
