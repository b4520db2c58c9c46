"""Where bundles lie on this computer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import List, Sequence

from kdseg.errors import BundleIntegrityError

BUNDLE_SUFFIX = ".kdseg.zip"
"""How the name of a bundle ends."""

FOLDERS_VARIABLE = "KDSEG_MODELS"
"""Environment variable with more folders of bundles, separated as in ``PATH``."""


def expand(names: Sequence[str]) -> List[Path]:
    """Return bundles as named, and those in the folders that were named.

    Raises
    ------
    BundleIntegrityError
        If a folder holds none.
    """
    bundles: List[Path] = []
    for name in names:
        path = Path(name)
        found = bundles_in(path) if path.is_dir() else [path]
        if not found:
            raise BundleIntegrityError(f"The folder holds no bundle (*{BUNDLE_SUFFIX}).", path=path, remedy="Check the path.")
        bundles.extend(found)
    return bundles


def installed_bundles() -> List[Path]:
    """Return the bundles that came with this package or lie in the folders of ``KDSEG_MODELS``."""
    return list(dict.fromkeys(bundle for folder in searched_folders() for bundle in bundles_in(folder)))


def searched_folders() -> List[Path]:
    """Return where bundles are looked for: the folders of ``KDSEG_MODELS``, then those of a checkout and of the extension."""
    package = Path(__file__).resolve().parents[1]
    folders = [Path(f) for f in os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep) if f]
    return [*folders, package.parents[1] / "Resources" / "Models", package.parent / "Resources" / "Models"]


def bundles_in(folder: Path) -> List[Path]:
    """Return the bundles directly in a folder, by name."""
    return sorted(folder.glob(f"*{BUNDLE_SUFFIX}")) if folder.is_dir() else []
