"""The files of a profile."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import List, Optional

from kdseg.atomic import write_bytes
from kdseg.errors import OutputError, PathLike
from kdseg.user_data import profiles_folder
from kdseg_training.profiling.card import card
from kdseg_training.profiling.chart import draw_chart
from kdseg_training.profiling.results import Profile
from kdseg_training.profiling.tables import runs_csv, summary_csv

PROFILE, CARD, SUMMARY, RUNS, CHART = "profile.json", "profile.txt", "profile.csv", "runs.csv", "profile.png"


def write_profile(profile: Profile, folder: PathLike, *, reference: Optional[str] = None) -> List[Path]:
    """Write all files into a folder, which is made, and return their paths; the chart is left out without matplotlib.

    Raises
    ------
    OutputError
        If one cannot be written.
    """
    folder = Path(folder)
    make_folder(folder)
    texts = {
        PROFILE: profile.to_json(),
        CARD: card(profile, reference),
        SUMMARY: summary_csv(profile),
        RUNS: runs_csv(profile),
    }
    for name, text in texts.items():
        write_bytes(folder / name, text.encode("utf-8", "backslashreplace"))
    written = [folder / name for name in texts]
    if importlib.util.find_spec("matplotlib") is not None:
        draw_chart(profile, folder / CHART)
        written.append(folder / CHART)
    return written


def keep_profile(profile: Profile) -> Path:
    """Write the profile where the panel looks for profiles of this computer, and return its path.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    folder = profiles_folder()
    make_folder(folder)
    stem = profile.created_utc.replace(":", "").replace("+0000", "Z")
    path = folder / f"{stem}.json"
    number = 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.json"
    write_bytes(path, profile.to_json().encode("utf-8", "backslashreplace"))
    return path


def make_folder(folder: Path) -> None:
    """Make a folder with its parents.

    Raises
    ------
    OutputError
        If that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError("The folder cannot be made.", found=error.strerror or str(error), path=folder) from error
