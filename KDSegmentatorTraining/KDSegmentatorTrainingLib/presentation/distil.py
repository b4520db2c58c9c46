"""What the tab Distil says, and which of its buttons can be pressed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.progress import ProgressView
from KDSegmentatorLib.presentation.quantities import time_left_text
from KDSegmentatorLib.presentation.readiness import Tone
from KDSegmentatorTrainingLib.distil.curves import Quantity, Table, last
from KDSegmentatorTrainingLib.distil.environment import TrainingPython
from KDSegmentatorTrainingLib.distil.folder import Progress, StudentFolder
from KDSegmentatorTrainingLib.distil.run import RunPhase
from KDSegmentatorTrainingLib.distil.settings import ALONE

CONTINUABLE = (RunPhase.STOPPED, RunPhase.ENDED, RunPhase.FAILED)
"""Where Resume continues."""

UNKNOWN = "–"
"""What stands where a number is not known yet."""


@dataclass(frozen=True)
class DistilSituation:
    """Everything that decides what can be done.

    Attributes
    ----------
    phase
        Of the run in the chosen folder; None where no folder is chosen, or its state cannot be read.
    asking
        What a child process is asked right now, as a sentence; empty for nothing.
    message
        What the run told last while it prepares; empty when it trains.
    error
        Why it failed; empty if it did not.
    """

    phase: Optional[RunPhase]
    asking: str = ""
    message: str = ""
    error: str = ""


@dataclass(frozen=True)
class DistilReadiness:
    """The main button, the one beside it that starts again, and the sentence below."""

    button: str
    enabled: bool
    again: bool
    sentence: str
    tone: Tone = Tone.HINT
    locked: bool = False


def distil_readiness(situation: DistilSituation) -> DistilReadiness:
    """Decide what the buttons are called and whether they can be pressed."""
    phase = situation.phase
    if situation.asking:
        return DistilReadiness(_texts()[phase or RunPhase.NEW], False, False, situation.asking, locked=True)
    if phase is None:
        return DistilReadiness(_("&Start"), False, False, _("Choose a folder for this run: new, empty, or of an earlier run."))
    button, again = _texts()[phase], phase in (*CONTINUABLE, RunPhase.DONE)
    enabled = phase is not RunPhase.DONE
    tone = Tone.PROBLEM if phase is RunPhase.FAILED else Tone.WARNING if phase is RunPhase.ELSEWHERE else Tone.HINT
    locked = phase in (RunPhase.RUNNING, RunPhase.STOPPING)
    return DistilReadiness(button, enabled, again, _sentence(situation), tone, locked)


def _texts() -> Dict[RunPhase, str]:
    return {
        RunPhase.NEW: _("&Start"),
        RunPhase.RUNNING: _("&Stop"),
        RunPhase.STOPPING: _("&Stop at once…"),
        RunPhase.STOPPED: _("&Resume"),
        RunPhase.ENDED: _("&Resume"),
        RunPhase.FAILED: _("&Resume"),
        RunPhase.DONE: _("&Start"),
        RunPhase.ELSEWHERE: _("&Resume"),
    }


def _sentence(situation: DistilSituation) -> str:
    if situation.phase is RunPhase.FAILED:
        return situation.error
    return {
        RunPhase.NEW: "",
        RunPhase.RUNNING: situation.message or _("The training runs by itself: Slicer may be closed meanwhile."),
        RunPhase.STOPPING: _("Stops after the running step, which is saved."),
        RunPhase.STOPPED: _("Stopped; every step is saved. Resume continues as if nothing had happened."),
        RunPhase.ENDED: _("Ended at once; the last checkpoint counts, and Resume continues there."),
        RunPhase.DONE: _("The training is finished. Export its students below, or choose another folder for a new run."),
        RunPhase.ELSEWHERE: _(
            "This run was started on another computer, or this one had another name. Its curves are shown here."
        ),
    }[situation.phase or RunPhase.NEW]


def run_progress(progress: Progress, phase: Optional[RunPhase]) -> Optional[ProgressView]:
    """Return the progress bar of a run; None where nothing runs."""
    if phase is RunPhase.STOPPING:
        return ProgressView(None, _("Stopping…"))
    if phase is not RunPhase.RUNNING:
        return None
    if progress.state == "training" and progress.steps:
        stage = _("Step {step} of {steps}").format(step=progress.step, steps=progress.steps)
        return ProgressView(100 * progress.step // progress.steps, stage, time_left_text(progress.seconds_left))
    return ProgressView(None, _("Finishing…") if progress.state == "finishing" else _("Preparing…"))


def student_columns() -> Tuple[str, ...]:
    """Return the headings of the table of students."""
    return _("Student"), _("Parameters"), _("Epoch"), _("Loss"), _("Pseudo Dice")


def student_rows(
    students: Sequence[StudentFolder], tables: Mapping[str, Table], progress: Progress
) -> List[Tuple[str, str, str, str, str]]:
    """Return a row for each student: what the last epoch told, and the running loss where it trains."""
    rows = []
    for student in students:
        table = tables.get(student.name, {})
        loss = progress.losses.get(student.name, last(table, "loss_total"))
        epochs = str(len(table.get("epoch", ()))) + (" ✓" if student.finished else "")
        rows.append((student.name, parameters_text(student.parameters), epochs, _number(loss), _number(_dice(table))))
    return rows


def parameters_text(count: int) -> str:
    """Return a number of parameters, in millions where there are that many."""
    if count <= 0:
        return UNKNOWN
    return _("{count} M").format(count=f"{count / 1e6:.2f}") if count >= 100_000 else str(count)


def python_sentence(python: TrainingPython) -> str:
    """Return what a Python that trains has."""
    device = ", ".join(python.gpus)
    place = (
        _("trains on {gpu}").format(gpu=device) if device else _("trains on the CPU ({cpus} threads)").format(cpus=python.cpus)
    )
    text = _("Python {python}, PyTorch {torch}, nnU-Net {nnunet}; {place}.")
    return text.format(python=python.version, torch=python.torch, nnunet=python.nnunet or UNKNOWN, place=place)


def quantity_texts() -> Tuple[Tuple[Quantity, str], ...]:
    """Return what a chart can show, in the order of the list."""
    return (
        (Quantity.PSEUDO_DICE, _("Pseudo Dice, mean")),
        (Quantity.PSEUDO_DICE_BY_STRUCTURE, _("Pseudo Dice of each structure")),
        (Quantity.LOSSES, _("Losses")),
        (Quantity.LEARNING_RATE, _("Learning rate")),
        (Quantity.SECONDS, _("Time for an epoch")),
    )


def method_texts() -> Tuple[Tuple[str, str, str], ...]:
    """Return how students can learn: value, text and explanation, in the order of the form."""
    return (
        ("A", _("A"), _("The teacher's logits (arXiv 2601.09191).")),
        ("B", _("B"), _("Regions and context of the teacher's features (arXiv 2601.08301).")),
        ("C", _("C"), _("The teacher's logits, kernels and affinities (arXiv 2404.02738).")),
        ("D", _("D"), _("The teacher's probabilities through Dice.")),
        (ALONE, _("labels alone"), _("Without the teacher: only beside this one sees what the teacher brings.")),
    )


def device_texts() -> Tuple[Tuple[str, str], ...]:
    """Return what may compute, in the order of the list."""
    return (("auto", _("GPU if there is one")), ("cpu", _("CPU")), ("cuda", _("GPU (CUDA)")))


def _dice(table: Table) -> float:
    return last(table, Quantity.PSEUDO_DICE.value)


def _number(value: float) -> str:
    return UNKNOWN if math.isnan(value) else f"{value:.4f}"
