"""What is looked at before a run starts."""

from __future__ import annotations

from kdseg.errors import InstallationError
from KDSegmentatorLib.estimates import RunEstimate, estimate_run
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.mrml.geometry import geometry_of
from KDSegmentatorLib.mrml.volumes import voxels_of
from KDSegmentatorLib.packages import missing_packages
from KDSegmentatorLib.runs.settings import RunSettings
from KDSegmentatorLib.runs.sources import NodeSource


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
    limits, options, rates = settings.limits, settings.options, settings.rates
    channels = [voxels_of(node) for node in source.volume_nodes]
    geometry = geometry_of(source.volume_nodes[0])
    size = max(channel.itemsize for channel in channels)
    estimate = estimate_run(settings.student, geometry, limits=limits, options=options, voxel_bytes=size, rates=rates)
    if estimate.fits or len(channels) > 1:
        return estimate
    return estimate_run(settings.student, geometry, limits=limits, options=options, voxels=channels[0][None], rates=rates)
