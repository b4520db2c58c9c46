"""From the progress of stages to that of the whole run."""

from __future__ import annotations

from typing import Dict, Mapping, Optional, Tuple

from kdseg.progress import Stage

SHARES: Mapping[Stage, float] = {Stage.READ: 0.04, Stage.PREPROCESS: 0.08, Stage.NETWORK: 0.84, Stage.WRITE: 0.04}
"""How a bar of length 1 is given to the stages; ``LABELS`` is told of by ``NETWORK``."""

_ORDER = tuple(SHARES)


class Overall:
    """Keeps the share of the whole run and the time left; the share never falls.

    The time left is that of the network, from the passes so far, and for writing as much as reading took. Before the first pass
    nothing is known about it.
    """

    def __init__(self) -> None:
        self._share = 0.0
        self._began: Dict[Stage, float] = {}
        self._seconds: Dict[Stage, float] = {}

    def update(self, stage: Stage, fraction: float, now_s: float) -> Tuple[float, Optional[float]]:
        """Return the share of the run that is done, and the seconds left or None.

        Parameters
        ----------
        stage, fraction
            What was told; a stage begins with its last message of fraction 0.
        now_s
            A clock that never goes back, in seconds.
        """
        if stage not in SHARES:
            return self._share, None
        if fraction <= 0 or stage not in self._began:
            self._began[stage] = now_s
        elapsed = now_s - self._began[stage]
        self._seconds[stage] = elapsed
        done = sum(SHARES[s] for s in _ORDER[: _ORDER.index(stage)]) + SHARES[stage] * min(max(fraction, 0.0), 1.0)
        self._share = min(1.0, max(self._share, done))
        return self._share, self._left(stage, fraction, elapsed)

    def _left(self, stage: Stage, fraction: float, elapsed: float) -> Optional[float]:
        writing = self._seconds.get(Stage.READ, 0.0)
        if stage is Stage.WRITE:
            return max(0.0, writing - elapsed) if fraction < 1 else 0.0
        if stage is not Stage.NETWORK or fraction <= 0:
            return None
        return elapsed / fraction * (1.0 - fraction) + writing
