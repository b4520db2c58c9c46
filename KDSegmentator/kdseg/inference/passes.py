"""The passes of the network for one patch: as it is, mirrored, and mirrored with the sides exchanged."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Callable, List, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.inference.engine import Engine
from kdseg.sides import SideExchange

Float32Array = npt.NDArray[np.float32]


def flip_combinations(mirroring_axes: Optional[Sequence[int]]) -> List[Tuple[int, ...]]:
    """Return the axes to flip in each pass, the unflipped pass first, in nnU-Net's order."""
    axes = tuple(mirroring_axes or ())
    return [c for n in range(len(axes) + 1) for c in itertools.combinations(axes, n)]


@dataclass(frozen=True)
class Passes:
    """Which passes there are, and how their outputs become one.

    Attributes
    ----------
    mirroring_axes
        Spatial axes over whose mirrored copies outputs are averaged, as nnU-Net does; None for none.
    exchange
        Average also over all of this mirrored from left to right, left and right classes exchanged; None: not.
    features
        Whether the network gives the features before its last layer. Classes cannot be exchanged in them, so both sides'
        features are returned, and the layer that follows averages (:func:`kdseg.network.for_both_sides`).
    """

    mirroring_axes: Optional[Tuple[int, ...]] = None
    exchange: Optional[SideExchange] = None
    features: bool = False

    @property
    def count(self) -> int:
        """Passes of the network for each patch."""
        return len(flip_combinations(self.mirroring_axes)) * (1 if self.exchange is None else 2)

    @property
    def arrays_held(self) -> float:
        """Memory with the engine's own output while the last pass returns, as a multiple of what :meth:`run` returns."""
        averaged = 2 if self.mirroring_axes else 1
        if self.exchange is None:
            return averaged
        return 1 + averaged / 2 if self.features else 1 + averaged

    def run(
        self, engine: Engine, patch: Float32Array, check: Callable[[], None], out: Optional[Float32Array] = None
    ) -> Float32Array:
        """Return what the network says of a patch.

        Parameters
        ----------
        engine
            Runs the network.
        patch
            Array of shape (channel, …spatial).
        check
            Called before every pass; raises to cancel.
        out
            What an earlier call with a patch of the same shape returned: it may be written to, which saves getting memory.

        Returns
        -------
        numpy.ndarray
            Shape (channel of the output, …spatial); twice the channels, first those of the patch as it is, with ``features``
            and ``exchange``. It may be overwritten by the next call.
        """
        straight = self._average(engine, patch, check)
        if self.exchange is None:
            return straight
        axis = self.exchange.axis + 1
        if not self.features:
            total: Float32Array = straight if self.mirroring_axes else straight.copy()
            mirrored = np.flip(self._average(engine, np.flip(patch, axis), check), axis)
            for number, other in enumerate(self.exchange.classes):
                total[number] += mirrored[other]
            total /= 2
            return total
        channels = len(straight)
        both = np.empty((2 * channels, *straight.shape[1:]), dtype=np.float32) if out is None else out
        both[:channels] = straight
        del straight
        both[channels:] = np.flip(self._average(engine, np.flip(patch, axis), check), axis)
        return both

    def _average(self, engine: Engine, patch: Float32Array, check: Callable[[], None]) -> Float32Array:
        """Return the output averaged over mirrored copies: of features like of logits, because the last layer is linear."""
        flips = flip_combinations(self.mirroring_axes)
        total: Optional[Float32Array] = None
        for axes in flips:
            check()
            shifted = tuple(a + 1 for a in axes)
            output = np.flip(engine.run(np.ascontiguousarray(np.flip(patch, shifted))), shifted)
            if len(flips) == 1:
                return output
            total = output.copy() if total is None else np.add(total, output, out=total)
        if total is None:
            raise ValueError("flips: expected at least one pass")
        total /= len(flips)
        return total
