"""Choose the engine that finds the surface distances."""

from __future__ import annotations

import importlib.util
from typing import Dict, Optional, Protocol, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.errors import EngineError
from kdseg_training.metrics import numpy_engine
from kdseg_training.metrics.definitions import SurfaceDefinition
from kdseg_training.metrics.distances import SurfaceDistances
from kdseg_training.metrics.overlap import OverlapCounts

ENGINES = ("auto", "numpy", "numba")
"""Names that :func:`measuring_function` takes."""


class MeasuringFunction(Protocol):
    """What an engine is; see :func:`kdseg_training.metrics.numpy_engine.measure_classes`."""

    def __call__(
        self,
        prediction: npt.NDArray[np.uint8],
        reference: npt.NDArray[np.uint8],
        spacing_mm: Tuple[float, float, float],
        classes: Sequence[int],
        *,
        definition: SurfaceDefinition,
        threads: int,
    ) -> Dict[int, Tuple[OverlapCounts, Optional[SurfaceDistances]]]:
        """Count and measure the given classes."""


def measuring_function(engine: str) -> MeasuringFunction:
    """Return the engine of that name.

    Raises
    ------
    ValueError
        If there is no engine of that name.
    EngineError
        If numba is asked for and not installed, or installed and broken.
    """
    if engine not in ENGINES:
        raise ValueError(f"engine must be one of {ENGINES}, found {engine!r}")
    if engine == "numpy" or (engine == "auto" and importlib.util.find_spec("numba") is None):
        return numpy_engine.measure_classes
    try:
        from kdseg_training.metrics.numba_engine import engine as numba_engine
    except ImportError as error:
        raise EngineError(
            "The compiled engine for surface metrics cannot be loaded.",
            expected="numba",
            found=str(error),
            remedy="Install kdsegmentator with the extra 'fast', or use the engine 'numpy': the numbers are the same.",
        ) from error
    return numba_engine.measure_classes
