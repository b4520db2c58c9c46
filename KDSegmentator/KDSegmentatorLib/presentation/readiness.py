"""Whether Segment may be pressed, and the sentence beside it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Optional, Tuple

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.estimate import EstimateView, too_much_memory

NOT_STATED = "not stated"
"""What ``bundle.json`` says where nobody stated the modality."""


class Phase(Enum):
    """What the panel is doing."""

    IDLE = "idle"
    RUNNING = "running"
    STOPPING = "stopping"


class Tone(Enum):
    """How a sentence is shown."""

    HINT = "hint"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class VolumeFacts:
    """What is known of the chosen volume.

    Attributes
    ----------
    name
        Of its node.
    shape
        Voxels along i, j and k; zeros while it has no image.
    components
        Values for each voxel: 1 for CT and MR, 3 for a colour photograph.
    modality
        DICOM modality (``CT``, ``MR``, …); empty where it is not known.
    """

    name: str
    shape: Tuple[int, int, int]
    components: int = 1
    modality: str = ""


@dataclass(frozen=True)
class StudentFacts:
    """What the decision needs of the chosen student: title, DICOM modality, names of its input channels, structures."""

    title: str
    modality: str
    channels: Tuple[str, ...]
    structures: int


@dataclass(frozen=True)
class Situation:
    """Everything that decides whether a run can start.

    Attributes
    ----------
    volumes_loaded
        Volumes that could be chosen.
    volume, student
        What is chosen; None for nothing.
    missing_student
        Title of a student that the scene asks for and that is not installed; empty for none.
    chosen_structures
        Number of structures that are wanted.
    estimate
        What the run is expected to need; None while it is not known.
    ceiling_bytes
        Memory that a run may use; None for no ceiling.
    ceiling_is_chosen
        Whether the user set that ceiling; otherwise it follows the memory that is free.
    phase
        Whether a run is on.
    queue_runs
        Whether the queue of several volumes is on.
    """

    volumes_loaded: int = 0
    volume: Optional[VolumeFacts] = None
    student: Optional[StudentFacts] = None
    missing_student: str = ""
    chosen_structures: int = 0
    estimate: Optional[EstimateView] = None
    ceiling_bytes: Optional[int] = None
    ceiling_is_chosen: bool = False
    phase: Phase = Phase.IDLE
    queue_runs: bool = False


@dataclass(frozen=True)
class Readiness:
    """The state of the button and the sentence beside it; ``sentence`` is empty when there is nothing to say."""

    enabled: bool
    button: str
    sentence: str = ""
    tone: Tone = Tone.HINT


def readiness(situation: Situation) -> Readiness:
    """Decide what the button is called, whether it can be pressed, and why not."""
    if situation.phase is Phase.RUNNING:
        return Readiness(True, _("&Cancel"))
    if situation.phase is Phase.STOPPING:
        return Readiness(False, _("Stopping…"), _("The run is being stopped."))
    button = _("&Segment")
    if situation.queue_runs:
        return Readiness(False, button, _("The queue of several volumes is running, see below."))
    for reason in (_missing_input, _unusable_volume, _unusable_student):
        sentence, tone = reason(situation)
        if sentence:
            return Readiness(False, button, sentence, tone)
    refusal = too_much_memory(situation.estimate, situation.ceiling_bytes, chosen=situation.ceiling_is_chosen)
    if refusal:
        return Readiness(False, button, refusal, Tone.PROBLEM)
    doubt = modality_doubt(situation.volume, situation.student)
    return Readiness(True, button, doubt, Tone.WARNING if doubt else Tone.HINT)


def modality_doubt(volume: Optional[VolumeFacts], student: Optional[StudentFacts]) -> str:
    """Return a warning where volume and student are known to be of different modalities; a warning, never a refusal."""
    if volume is None or student is None or not volume.modality or student.modality == NOT_STATED:
        return ""
    if volume.modality == student.modality:
        return ""
    return _(
        "This volume is {volume}, but the student was trained on {student}. The result would most likely be wrong."
    ).format(volume=volume.modality, student=student.modality)


def _missing_input(situation: Situation) -> Tuple[str, Tone]:
    if situation.volume is None and situation.volumes_loaded == 0:
        return _("Load a CT or MR volume first: drop a file onto the window, or use Add Data or Add DICOM Data."), Tone.HINT
    if situation.volume is None:
        return _("Choose the volume to segment."), Tone.HINT
    if situation.student is None and situation.missing_student:
        text = _("The student {title} is not installed here. Add its file, or choose another student.")
        return text.format(title=situation.missing_student), Tone.PROBLEM
    if situation.student is None:
        return _("Add a student: a file that ends in .kdseg.zip."), Tone.HINT
    return "", Tone.HINT


def _unusable_volume(situation: Situation) -> Tuple[str, Tone]:
    volume = situation.volume
    if volume is None or 0 in volume.shape:
        return _("The volume has no voxels. Load its image, or choose another volume."), Tone.PROBLEM
    if volume.components != 1:
        text = _("The volume has {count} values for each voxel, as colour pictures do. Choose a CT or MR volume.")
        return text.format(count=volume.components), Tone.PROBLEM
    return "", Tone.HINT


def _unusable_student(situation: Situation) -> Tuple[str, Tone]:
    student = situation.student
    if student is not None and len(student.channels) > 1:
        text = _("This student needs {count} aligned volumes ({names}); the panel gives one. Use Python or the command line.")
        return text.format(count=len(student.channels), names=", ".join(student.channels)), Tone.PROBLEM
    if situation.chosen_structures == 0:
        return _("Choose at least one structure."), Tone.HINT
    return "", Tone.HINT
