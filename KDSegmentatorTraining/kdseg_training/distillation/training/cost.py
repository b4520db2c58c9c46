"""What a family run costs, and what the same arms would have cost one by one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Sequence

from kdseg.wording import counted

SHARED = ("data", "teacher")
"""What all arms of a run share."""


@dataclass
class Cost:
    """Measured seconds of the training steps of this process (not of validation, nor of steps before a resume).

    Attributes
    ----------
    seconds
        ``data`` (waiting for batches), ``teacher``, and the name of every arm.
    separate
        Seconds that the same steps would take in runs of their own: data and teacher again for each arm that needs them.
    """

    seconds: Dict[str, float] = field(default_factory=dict)
    separate: float = 0.0
    steps: int = 0
    _last: Dict[str, float] = field(default_factory=dict)

    def add(self, name: str, seconds: float) -> None:
        """Add the time of one part of one step."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds
        self._last[name] = seconds

    def count(self, arms: Sequence[Any], distilled: Sequence[Any]) -> None:
        """Close a step that these arms took, the ``distilled`` ones among them with the teacher."""
        self.steps += 1
        self.separate += sum(self._last.get(arm.name, 0.0) + self._last.get("data", 0.0) for arm in arms)
        self.separate += self._last.get("teacher", 0.0) * len(distilled)
        self._last = {}

    @property
    def together(self) -> float:
        """Seconds of the steps of this run."""
        return sum(self.seconds.values())

    def as_dict(self) -> Dict[str, Any]:
        """Return plain data for the report."""
        return {"steps": self.steps, "seconds": self.seconds, "together": self.together, "separate": self.separate}

    def lines(self) -> List[str]:
        """Return the comparison in words, a line for each part."""
        if not self.steps:
            return []
        parts = [*(name for name in SHARED if name in self.seconds), *(name for name in self.seconds if name not in SHARED)]
        lines = [f"{name}: {self.seconds[name]:.1f} s, {self.seconds[name] / self.steps:.3f} s per step" for name in parts]
        lines.append(f"together: {self.together:.1f} s for {counted(self.steps, 'step')}")
        if len(parts) - sum(name in self.seconds for name in SHARED) > 1:
            share = self.together / self.separate if self.separate else 1.0
            lines.append(f"one by one, from the same measurements: {self.separate:.1f} s; together is {share:.0%} of that")
        return lines
