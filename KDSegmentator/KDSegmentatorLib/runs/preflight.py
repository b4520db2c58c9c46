"""What is looked at before a run starts."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Optional

from kdseg.choosing import Budget
from kdseg.errors import InstallationError
from KDSegmentatorLib.choosing import StudentChoice, choose_member, conditions_of, family_members, known_of
from KDSegmentatorLib.estimates import RunEstimate, estimate_run
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.mrml.geometry import geometry_of
from KDSegmentatorLib.mrml.volumes import voxels_of
from KDSegmentatorLib.packages import missing_packages
from KDSegmentatorLib.runs.settings import RunSettings
from KDSegmentatorLib.runs.sources import NodeSource
from KDSegmentatorLib.students import InstalledStudent, StudentLibrary


def choose_student(
    library: StudentLibrary, settings: RunSettings, source: Optional[NodeSource], budget: Budget
) -> StudentChoice:
    """Name the student of a family that keeps to a budget.

    Parameters
    ----------
    library
        Where the family is looked for.
    settings
        With one student of the family, and how it would run.
    source
        What is to be segmented; None for no volume in particular.
    budget
        What is asked.

    Raises
    ------
    InputError
        If the source cannot be segmented by the family.
    """

    def estimate_of(member: InstalledStudent) -> Optional[RunEstimate]:
        return None if source is None else estimate_source(source, replace(settings, student=member))

    members = family_members(settings.student, library.students())
    return choose_member(known_of(members, estimate_of, conditions_of(settings)), budget)


def require_packages() -> None:
    """Raise InstallationError if a run would lack a package; better now than in the child process."""
    missing = missing_packages()
    if missing:
        raise InstallationError(
            _("Packages that a segmentation needs are not installed."),
            expected=", ".join(missing),
            remedy=_("Press Segment in the panel and agree, or call installPackages() of the logic."),
        )


def estimate_source(source: NodeSource, settings: RunSettings) -> RunEstimate:
    """Estimate a run: for the whole grid, and where that does not fit for the part of a single channel that is not zero.

    Raises
    ------
    InputError
        If the source cannot be segmented by the student.
    """
    source.check(settings)
    channels = [voxels_of(node) for node in source.volume_nodes]
    geometry = geometry_of(source.volume_nodes[0])
    size = max(channel.itemsize for channel in channels)
    run = partial(
        estimate_run,
        settings.student,
        geometry,
        limits=settings.limits,
        options=settings.options,
        rates=settings.rates,
        profiles=settings.profiles,
    )
    estimate = run(voxel_bytes=size)
    if estimate.fits or len(channels) > 1:
        return estimate
    return run(voxels=channels[0][None])
