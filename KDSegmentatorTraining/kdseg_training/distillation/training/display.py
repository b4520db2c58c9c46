"""What people see while a training runs: a live bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import sys
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Protocol, Sequence

from kdseg.wording import counted
from kdseg_training.distillation.training.history import EpochRecord

SECONDS_BETWEEN_LINES = 60.0
"""Without a terminal, a line is printed for every epoch, and otherwise not more often than this."""


class Display(Protocol):
    """Is told what happens."""

    def begin(self, arms: Sequence[str], first_step: int, steps: int) -> None:
        """Training of these arms starts (again) at ``first_step``."""

    def step(self, step: int, losses: Mapping[str, float]) -> None:
        """``step`` steps are done; mean loss of this epoch so far for each arm."""

    def epoch(self, arm: str, record: EpochRecord) -> None:
        """An arm ended an epoch."""

    def end(self) -> None:
        """The loop ended, well or not."""


class Silent:
    """Says nothing."""

    def begin(self, arms: Sequence[str], first_step: int, steps: int) -> None:
        """Do nothing."""

    def step(self, step: int, losses: Mapping[str, float]) -> None:
        """Do nothing."""

    def epoch(self, arm: str, record: EpochRecord) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""


class PlainLines:
    """Prints lines, for logs and pipes."""

    def __init__(self, write: Callable[[str], None], seconds: float = SECONDS_BETWEEN_LINES) -> None:
        self._write = write
        self._seconds = seconds
        self._steps = self._first = 0
        self._began = self._last = 0.0

    def begin(self, arms: Sequence[str], first_step: int, steps: int) -> None:
        """Say what starts."""
        self._steps, self._first = steps, first_step
        self._began = self._last = time.monotonic()
        start = f"continues at step {first_step}" if first_step else "starts"
        self._write(f"{', '.join(arms)}: training {start}, {counted(steps, 'step')} in all")

    def step(self, step: int, losses: Mapping[str, float]) -> None:
        """Say how far it is, now and then."""
        now = time.monotonic()
        if now - self._last < self._seconds:
            return
        self._last = now
        left = (now - self._began) / max(step - self._first, 1) * (self._steps - step)
        values = ", ".join(f"{name} loss {value:.4f}" for name, value in losses.items() if math.isfinite(value))
        self._write(f"step {step} of {self._steps}, about {duration(left)} left; {values}")

    def epoch(self, arm: str, record: EpochRecord) -> None:
        """Say how the epoch ended."""
        self._write(epoch_line(arm, record))

    def end(self) -> None:
        """Nothing is left to say."""


class LiveBar:
    """Draws a bar with rich; epochs scroll above it."""

    def __init__(self) -> None:
        self._progress: Any = None
        self._task: Any = None

    def begin(self, arms: Sequence[str], first_step: int, steps: int) -> None:
        """Start the bar."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(elapsed_when_finished=False),
            TextColumn("{task.fields[losses]}"),
            speed_estimate_period=600,
        )
        description = arms[0] if len(arms) == 1 else f"{len(arms)} arms"
        self._task = self._progress.add_task(description, total=steps, completed=first_step, losses="")
        self._progress.start()

    def step(self, step: int, losses: Mapping[str, float]) -> None:
        """Move the bar."""
        values = [f"{value:.4f}" for value in losses.values() if math.isfinite(value)]
        self._progress.update(self._task, completed=step, losses=f"loss {' / '.join(values)}" if values else "")

    def epoch(self, arm: str, record: EpochRecord) -> None:
        """Print the epoch above the bar."""
        self._progress.console.print(epoch_line(arm, record), highlight=False, markup=False)

    def end(self) -> None:
        """Stop the bar."""
        if self._progress is not None:
            self._progress.stop()


def choose_display(write: Callable[[str], None], *, terminal: Optional[bool] = None) -> Display:
    """Return the live bar in a terminal, else plain lines."""
    return LiveBar() if (sys.stdout.isatty() if terminal is None else terminal) else PlainLines(write)


def epoch_line(arm: str, record: EpochRecord) -> str:
    """Return an epoch in one line."""
    parts: List[str] = [f"{name} {value:.4f}".strip() for name, value in _shown(record.losses).items()]
    dice = ", ".join(f"{name} {value:.4f}" for name, value in list(record.pseudo_dice.items())[:4])
    more = ", …" if len(record.pseudo_dice) > 4 else ""
    return (
        f"{arm} epoch {record.epoch + 1}: loss {', '.join(parts)}; validation {record.validation_loss:.4f}; "
        f"pseudo Dice {record.mean_pseudo_dice:.4f} ({dice}{more}); {record.seconds.get('epoch', 0.0):.1f} s"
    )


def _shown(losses: Mapping[str, float]) -> Dict[str, float]:
    """Leave out the total where it is the only loss."""
    return {"": losses["total"]} if set(losses) == {"total", "segmentation"} else dict(losses)


def duration(seconds: float) -> str:
    """Return hours, minutes or seconds."""
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
