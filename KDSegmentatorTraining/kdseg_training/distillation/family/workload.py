"""The volume that budgets of memory and time are about."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Mapping, Tuple

from kdseg.errors import ConfigurationError
from kdseg.geometry import Geometry
from kdseg.limits import available_cpus

Shape = Tuple[int, int, int]
Spacing = Tuple[float, float, float]


@dataclass(frozen=True)
class Workload:
    """One volume, and how a student segments it.

    Attributes
    ----------
    shape
        Voxels along (z, y, x).
    spacing_mm
        Along (z, y, x), in mm.
    threads
        CPU threads.
    mirroring
        Whether every patch is seen 2ᵏ times, mirrored over its k axes, as stock ``nnUNetv2_predict`` does by default.
    """

    shape: Shape
    spacing_mm: Spacing
    threads: int = field(default_factory=available_cpus)
    mirroring: bool = True

    @property
    def geometry(self) -> Geometry:
        """The grid."""
        z, y, x = self.spacing_mm
        return Geometry(self.shape, (x, y, z))


def typical_workload(plans: Mapping[str, Any], *, threads: int = 0, mirroring: bool = True) -> Workload:
    """Return the median volume of the training data, as ``plans.json`` has it (cropped to what is not 0).

    Parameters
    ----------
    plans
        ``plans.json``.
    threads
        0: all available.
    mirroring
        See :class:`Workload`.

    Raises
    ------
    ConfigurationError
        If the plans do not say it.
    """
    shape, spacing = (plans.get(f"original_median_{what}_after_transp") for what in ("shape", "spacing"))
    backward = plans.get("transpose_backward", [0, 1, 2])
    usable = (
        isinstance(backward, list)
        and sorted(backward) == [0, 1, 2]
        and all(isinstance(v, list) and len(v) == 3 and all(_is_positive(n) for n in v) for v in (shape, spacing))
    )
    if not usable:
        raise ConfigurationError(
            "The plans do not say how large a typical volume is.",
            expected="original_median_shape_after_transp and original_median_spacing_after_transp",
            found=f"{shape} and {spacing}",
            remedy="Give shape and spacing of the volume.",
        )
    voxels: Any = tuple(max(1, round(shape[i])) for i in backward)  # type: ignore[index]  # checked above
    sizes: Any = tuple(float(spacing[i]) for i in backward)  # type: ignore[index]
    return Workload(voxels, sizes, threads or available_cpus(), mirroring)


def _is_positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value > 0
