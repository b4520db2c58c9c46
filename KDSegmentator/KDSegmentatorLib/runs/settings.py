"""With which student and how: what all volumes of a run have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Sequence, Tuple, Union

from kdseg.errors import BundleError, ChannelError
from kdseg.limits import EngineName, Limits, Options, available_cpus
from kdseg.segmentation import LabelEntry
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.jobs.request import JobRequest
from KDSegmentatorLib.profiles import ProfileBook
from KDSegmentatorLib.rates import RateBook
from KDSegmentatorLib.students import InstalledStudent, StudentLibrary

Structures = Optional[Sequence[Union[int, str]]]
"""Label values or names of structures; None for all."""


@dataclass(frozen=True)
class RunSettings:
    """The student, and how it is run.

    Attributes
    ----------
    student
        The installed student.
    structures
        Label values to keep; None keeps all.
    limits
        Threads and memory ceiling of the child process.
    engine
        Where the network runs.
    mirroring
        Average over mirrored inputs, where the student allows it.
    rates
        Remembers how long runs take; None for nothing.
    profiles
        Profiles made on this computer; None for none.
    """

    student: InstalledStudent
    structures: Optional[Tuple[int, ...]]
    limits: Limits
    engine: EngineName
    mirroring: bool
    rates: Optional[RateBook] = None
    profiles: Optional[ProfileBook] = None

    @property
    def entries(self) -> Tuple[LabelEntry, ...]:
        """The structures that the result can hold, in the order of their values."""
        every = self.student.entries
        return every if self.structures is None else tuple(e for e in every if e.value in self.structures)

    @property
    def options(self) -> Options:
        """Engine and mirroring as the runtime takes them."""
        return Options(mirroring=self.mirroring, engine=self.engine)

    @property
    def student_title(self) -> str:
        """Name and version of the student, for people and for DICOM."""
        return f"{self.student.name} {self.student.version}"

    def check_channels(self, found: int, name: str) -> None:
        """Raise ChannelError unless ``found`` volumes are what the student takes."""
        channels = self.student.plan.channel_names
        if found != len(channels):
            raise ChannelError(
                _("The number of volumes does not fit the student."),
                expected=_("{count} ({names}), in this order").format(count=len(channels), names=", ".join(channels)),
                found=str(found),
                path=name,
                remedy=_("Give one volume for each channel, or choose another student."),
            )

    def request(self, volume_paths: Sequence[Path], output_path: Path) -> JobRequest:
        """Return what the child process is asked for one volume."""
        return JobRequest(
            volume_paths=tuple(volume_paths),
            student_path=self.student.path,
            student_sha256=self.student.sha256,
            output_path=output_path,
            threads=self.limits.threads,
            memory_bytes=self.limits.memory_bytes,
            engine=self.engine,
            mirroring=self.mirroring,
            structures=self.structures,
        )


def make_settings(
    library: StudentLibrary,
    student: Any,
    *,
    structures: Structures = None,
    threads: Optional[int] = None,
    memory_bytes: Optional[int] = None,
    engine: str = "auto",
    mirroring: Optional[bool] = None,
    rates: Optional[RateBook] = None,
    profiles: Optional[ProfileBook] = None,
) -> RunSettings:
    """Resolve what a caller says.

    Parameters
    ----------
    library
        Where students are looked up.
    student
        An installed student, a name, ``name-version``, or the path of a bundle.
    structures, threads, memory_bytes, engine, mirroring
        As in :class:`RunSettings`; None takes all structures, all available CPUs, no ceiling, what the student says.
    rates, profiles
        As in :class:`RunSettings`.

    Raises
    ------
    BundleError
        If there is no such student or structure.
    ValueError
        If a number or the engine is not usable.
    """
    installed = student if isinstance(student, InstalledStudent) else library.find(student)
    return RunSettings(
        student=installed,
        structures=None if structures is None else _values(installed, structures),
        limits=Limits(available_cpus() if threads is None else threads, memory_bytes),
        engine=_engine(engine),
        mirroring=True if mirroring is None else bool(mirroring),
        rates=rates,
        profiles=profiles,
    )


def _engine(name: str) -> EngineName:
    try:
        return EngineName(name)
    except ValueError:
        names = ", ".join(engine.value for engine in EngineName)
        raise ValueError(_("The engine is one of {names}; found {name!r}.").format(names=names, name=name)) from None


def _values(student: InstalledStudent, structures: Sequence[Union[int, str]]) -> Tuple[int, ...]:
    by_name = {entry.name: entry.value for entry in student.entries}
    wanted = [structures] if isinstance(structures, (int, str)) else list(structures)
    values = [by_name.get(item, 0) if isinstance(item, str) else int(item) for item in wanted]
    unknown = [str(item) for item, value in zip(wanted, values) if value not in by_name.values()]
    if unknown or not values:
        raise BundleError(
            _("The student does not have these structures."),
            expected=", ".join(f"{value} ({name})" for name, value in by_name.items()),
            found=", ".join(unknown) or _("none"),
            path=student.path,
            remedy=_("Choose at least one structure of this student."),
        )
    return tuple(sorted(set(values)))
