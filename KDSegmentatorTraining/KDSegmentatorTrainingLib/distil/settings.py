"""What the form says about a run, checked as far as it can be without the Python that trains."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

from kdseg.errors import ConfigurationError
from KDSegmentatorLib.i18n import _

WIDTHS = {2: "half", 4: "quarter", 8: "eighth"}
"""Divisors of the channels that the form offers, and how their students are named."""

ALONE = "alone"
"""Learning from the labels only, without the teacher."""

METHODS = ("A", "B", "C", "D", ALONE)
"""How a student can learn: with one of the methods of kdseg_training, or alone."""

VALIDATION_SHARE = 5
"""So many training steps for each validation batch; nnU-Net's own 250 and 50."""

DEVICES = ("auto", "cpu", "cuda")
"""What may compute."""

_MODEL_FOLDER = re.compile(r"^[^_].*?__(?P<plans>.+?)__(?P<configuration>.+)$")


@dataclass(frozen=True)
class DistilSettings:
    """A run, as the form describes it.

    Attributes
    ----------
    teacher
        nnU-Net v2 model folder, ``<trainer>__<plans>__<configuration>``; it names plans and configuration.
    dataset
        Folder of the preprocessed data set, ``…/nnUNet_preprocessed/Dataset004_Hippocampus``.
    fold
        Fold of teacher and students: a number, or ``all``.
    widths
        Divisors of the channels, out of :data:`WIDTHS`, one student each.
    methods
        How they learn, out of :data:`METHODS`; each method makes one student of each width.
    mirroring
        Whether students may mirror when they predict (nnU-Net's habit, 8 times the work).
    epochs, iterations
        Epochs, and steps in each.
    batch_size
        Patches in a batch; 0: what the plans say.
    device
        ``auto``, ``cpu`` or ``cuda``.

    Raises
    ------
    ConfigurationError
        If something is missing or contradicts itself.
    """

    teacher: Path
    dataset: Path
    fold: Union[int, str] = 0
    widths: Tuple[int, ...] = (2, 4)
    methods: Tuple[str, ...] = ("D",)
    mirroring: bool = False
    epochs: int = 1000
    iterations: int = 250
    batch_size: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        object.__setattr__(self, "teacher", Path(self.teacher))
        object.__setattr__(self, "dataset", Path(self.dataset))
        object.__setattr__(self, "widths", tuple(sorted(set(self.widths))))
        object.__setattr__(self, "methods", tuple(sorted(set(self.methods))))
        self._require_folders()
        if not self.widths or not set(self.widths) <= set(WIDTHS):
            raise ConfigurationError(
                _("No width of a student is chosen."),
                expected=_("one of 1/2, 1/4 and 1/8 of the teacher's channels"),
                remedy=_("Tick at least one width."),
            )
        if not self.methods or not set(self.methods) <= set(METHODS):
            raise ConfigurationError(
                _("No way to learn is chosen."),
                expected=_("at least one of {methods}").format(methods=", ".join(METHODS)),
                found=", ".join(self.methods) or _("none"),
                remedy=_("Tick what the students shall learn from; several make several students."),
            )
        if self.device not in DEVICES:
            raise ConfigurationError(_("There is no such device."), expected=", ".join(DEVICES), found=str(self.device))
        if self.fold != "all" and not (isinstance(self.fold, int) and self.fold >= 0):
            raise ConfigurationError(_("There is no such fold."), expected=_("a number, or all"), found=str(self.fold))
        if self.epochs < 1 or self.iterations < 1 or self.batch_size < 0:
            raise ConfigurationError(_("The budget is not usable."), expected=_("at least one epoch of one step"))

    def _require_folders(self) -> None:
        for folder, file, name, remedy in (
            (self.teacher, "plans.json", _("The teacher"), _("Choose a model folder of nnU-Net v2: it has plans.json in it.")),
            (
                self.dataset,
                "dataset.json",
                _("The data set"),
                _("Choose the data set's folder inside nnUNet_preprocessed; nnUNetv2_plan_and_preprocess makes it."),
            ),
        ):
            if folder == Path() or not folder.is_absolute() or not (folder / file).is_file():
                raise ConfigurationError(
                    _("{name} is not chosen.").format(name=name)
                    if folder == Path()
                    else _("{name} is not there.").format(name=name),
                    expected=_("a folder with {file}").format(file=file),
                    path=None if folder == Path() else folder,
                    remedy=remedy,
                )
        if teacher_parts(self.teacher) is None:
            raise ConfigurationError(
                _("The teacher's folder does not tell its plans and configuration."),
                expected="nnUNetTrainer__nnUNetPlans__3d_fullres",
                found=self.teacher.name,
                path=self.teacher,
                remedy=_("Give the folder the name that nnU-Net gave it."),
            )

    def student_names(self) -> Tuple[str, ...]:
        """Return the names of the students, in the order of their training."""
        return tuple(student["name"] for student in self._students())

    def as_run(self, results: str = "results") -> Dict[str, Any]:
        """Return the content of the file for ``kdseg-training distill``; see docs/training.md.

        Parameters
        ----------
        results
            Folder of the students, relative to the file.
        """
        plans, configuration = teacher_parts(self.teacher) or ("", "")
        run: Dict[str, Any] = {
            "dataset": self.dataset.name,
            "configuration": configuration,
            "plans": plans,
            "fold": self.fold,
            "preprocessed": str(self.dataset.parent),
            "results": results,
            "device": self.device,
            "budget": {
                "epochs": self.epochs,
                "iterations": self.iterations,
                "validation_iterations": max(1, self.iterations // VALIDATION_SHARE),
            },
        }
        if self.batch_size:
            run["budget"]["batch_size"] = self.batch_size
        if set(self.methods) != {ALONE}:
            run["teacher"] = {"model_folder": str(self.teacher), "folds": [self.fold]}
            if self.fold == "all":
                run["teacher"]["allow_seen_validation"] = True
        run["students"] = list(self._students())
        return run

    def as_dict(self) -> Dict[str, Any]:
        """Return plain data for JSON."""
        data = asdict(self)
        lists = {"widths": list(self.widths), "methods": list(self.methods)}
        return {**data, "teacher": str(self.teacher), "dataset": str(self.dataset), **lists}

    def _students(self) -> Iterator[Dict[str, Any]]:
        for width in self.widths:
            for method in self.methods:
                student = {"name": f"{WIDTHS[width]}_{method}", "factor": width, "mirroring": self.mirroring}
                yield student if method == ALONE else {**student, "method": method}


@dataclass(frozen=True)
class OwnFile:
    """A settings file of the user's own, in place of the form: everything that docs/training.md lists can stand in it.

    Attributes
    ----------
    file
        YAML; relative paths in it start at its folder.

    Raises
    ------
    ConfigurationError
        If it is not there.
    """

    file: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "file", Path(self.file))
        if not self.file.is_absolute() or not self.file.is_file():
            raise ConfigurationError(
                _("The settings file is not there."),
                expected=_("a YAML file, as for kdseg-training distill"),
                path=self.file,
                remedy=_("Choose another one, or empty the field to use the form."),
            )

    def as_dict(self) -> Dict[str, Any]:
        """Return plain data for JSON."""
        return {"file": str(self.file)}


Settings = Union[DistilSettings, OwnFile]
"""What a run is started with."""


def known_keys(data: Dict[str, Any]) -> Dict[str, Any]:
    """Return what of stored :data:`Settings` this version knows; for filling a form, which may be incomplete."""
    names = {field.name for kind in (DistilSettings, OwnFile) for field in fields(kind)}
    return {name: value for name, value in data.items() if name in names}


def teacher_parts(folder: Path) -> Optional[Tuple[str, str]]:
    """Return plans and configuration that the name of a model folder tells; None if it tells none."""
    match = _MODEL_FOLDER.match(folder.name)
    return None if match is None else (match["plans"], match["configuration"])


def share_text(width: int) -> str:
    """Return the share of the channels, such as ``1/4``."""
    return str(Fraction(1, width))


def guess_dataset(teacher: Path, preprocessed: str) -> Optional[Path]:
    """Return the preprocessed data set that a teacher's folder hints at, if it is there.

    Parameters
    ----------
    teacher
        ``…/nnUNet_results/Dataset004_Hippocampus/<model>``.
    preprocessed
        The variable ``nnUNet_preprocessed``; may be empty.
    """
    roots: List[Path] = [Path(preprocessed)] if preprocessed else []
    roots.append(teacher.parent.parent.parent / "nnUNet_preprocessed")
    return next((root / teacher.parent.name for root in roots if (root / teacher.parent.name / "dataset.json").is_file()), None)
