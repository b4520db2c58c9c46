"""How the weight of a loss changes during the training: functions of progress, 0 at the first step and 1 at the end.

Each is continuous in progress and needs no memory, so that a resumed run has the weight it would have had.
"""

from __future__ import annotations

import math
from typing import Literal

ScheduleKind = Literal["constant", "linear_warmup", "cosine_warmup", "linear_decay", "cosine_decay"]


def schedule_factor(kind: ScheduleKind, progress: float, share: float = 1.0) -> float:
    """Return the factor of a loss's weight, from 0 to 1.

    ==================  ===================================================================
    ``constant``        1
    ``linear_warmup``   from 0 to 1 during the first ``share`` of the training, then 1
    ``cosine_warmup``   the same, along half a cosine: slow at both ends
    ``linear_decay``    1, and from 1 to 0 during the last ``share`` of the training
    ``cosine_decay``    the same, along half a cosine
    ==================  ===================================================================

    Parameters
    ----------
    kind
        One of the above.
    progress
        Share of the training that is done, 0 to 1.
    share
        Part of the training during which the factor changes, above 0 and at most 1.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """
    if not 0 <= progress <= 1:
        raise ValueError(f"progress: expected a number from 0 to 1, found {progress}")
    if not 0 < share <= 1:
        raise ValueError(f"share: expected a number above 0 and at most 1, found {share}")
    if kind == "constant":
        return 1.0
    remaining = 1 - progress if kind.endswith("_decay") else progress
    ramp = min(1.0, remaining / share)
    return ramp if kind.startswith("linear_") else 0.5 * (1 - math.cos(math.pi * ramp))
