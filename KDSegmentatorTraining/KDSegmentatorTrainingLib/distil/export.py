"""From a finished student to one that the segmentation panel offers."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, List, Mapping, Optional

from kdseg.errors import ConfigurationError, ExportError, KDSegError
from KDSegmentatorLib.i18n import _
from KDSegmentatorTrainingLib.distil.environment import companion_arguments

_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,63}$")
_VERSION = re.compile(r"^\d+\.\d+\.\d+$")


@dataclass(frozen=True)
class ExportOrder:
    """What a bundle is to say; empty texts are left to the exporter, which calls them not stated.

    Raises
    ------
    ConfigurationError
        If name or version cannot be those of a student.
    """

    model_folder: str
    fold: str
    name: str
    version: str
    licence: str = ""
    modality: str = ""
    body_part: str = ""

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ConfigurationError(
                _("This cannot be the name of a student."),
                expected=_("up to 64 small letters, digits, - and _"),
                found=self.name,
                remedy=_("Write for example brain-quarter."),
            )
        if not _VERSION.match(self.version):
            raise ConfigurationError(
                _("This cannot be the version of a student."),
                expected=_("three numbers, for example 1.0.0"),
                found=self.version,
            )

    def arguments(self, output: Path) -> List[str]:
        """Return what stands after the Python that exports; the bundle goes to the folder ``output``."""
        stated = {
            "--licence": self.licence.strip(),
            "--modality": self.modality.strip(),
            "--body-part": self.body_part.strip(),
        }
        options = [part for option, text in stated.items() if text for part in (option, text)]
        fixed = ["--fold", self.fold, "--name", self.name, "--version", self.version, "--json"]
        return companion_arguments("export", self.model_folder, "-o", str(output), *fixed, *options)


def suggested_name(dataset: str, student: str) -> str:
    """Return a name for a student, from ``Dataset004_Hippocampus`` and ``quarter_A``."""
    structure = re.sub(r"^Dataset\d+_", "", dataset)
    return re.sub(r"[^a-z0-9]+", "-", f"{structure}-{student}".lower()).strip("-")[:64]


def read_export(exit_code: int, output: str, details: str) -> Path:
    """Return the bundle that the exporter wrote.

    Raises
    ------
    KDSegError
        If it wrote none; its own words where it has some.
    """
    told = last_object(output) if exit_code == 0 else None
    if told is not None and "path" in told and Path(str(told["path"])).is_file():
        return Path(str(told["path"]))
    error = told_error(output) or told_error(details)
    raise error or ExportError(
        _("The student was not exported."),
        found=next((line.strip()[:300] for line in reversed(details.splitlines()) if line.strip()), _("no message")),
        remedy=_("Look at the text under Details."),
    )


def last_object(text: str) -> Optional[Mapping[str, Any]]:
    """Return the JSON object in the last line that is one; None without one."""
    for line in reversed(text.splitlines()):
        if line.startswith("{"):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            return found if isinstance(found, dict) else None
    return None


def told_error(text: str) -> Optional[KDSegError]:
    """Return the error that a command told with ``--json``; None if it told none."""
    found = (last_object(text) or {}).get("error")
    if not isinstance(found, dict):
        return None
    texts = {name: str(found.get(name) or "") for name in ("expected", "found", "remedy")}
    return KDSegError(str(found.get("problem") or ""), path=found.get("path") or None, **texts)
