"""What ``kdseg-training evaluate`` shows to people: a bar while it works, a table at the end."""

from __future__ import annotations

import math
from types import TracebackType
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple, Type

import numpy as np

from kdseg_training.evaluation.comparison_text import comparison_sentences
from kdseg_training.metrics.aggregation import aggregate, metric_matrix
from kdseg_training.metrics.policies import DISTANCE_METRICS

if TYPE_CHECKING:
    from kdseg_training.evaluation.results import Evaluation, ModelResult
    from kdseg_training.evaluation.run import CaseProgress
    from kdseg_training.evaluation.workflow import JobOutcome

_WIDTH_UNKNOWN = 200
"""Columns of the table where the output is no terminal."""


SHOWN_NOTES = 6
"""Different notes of a model that are printed; all are in ``evaluation.json``."""


class Console:
    """A progress bar on standard error and sentences above it; nothing if ``quiet``."""

    def __init__(self, *, quiet: bool) -> None:
        from rich.console import Console as Terminal
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._quiet = quiet
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Terminal(stderr=True), disable=quiet, transient=True)
        self._task: Optional[Any] = None

    def __enter__(self) -> Console:
        self._bar.start()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """Print a sentence."""
        if not self._quiet:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def progress(self, progress: CaseProgress) -> None:
        """Move the bar."""
        if self._task is None:
            self._task = self._bar.add_task("Measuring", total=progress.total)
        self._bar.update(self._task, completed=progress.done, description=f"{progress.model} {progress.case}")


def tell_outcome(outcome: JobOutcome) -> None:
    """Print the table of every model, what could not be measured, and the files."""
    from rich.console import Console as Terminal

    terminal = Terminal()
    if not terminal.is_terminal:
        terminal = Terminal(width=_WIDTH_UNKNOWN)
    evaluation = outcome.evaluation
    for model in evaluation.models:
        if model.cases:
            terminal.print(_table(evaluation, model))
        for line in note_lines(model):
            terminal.print(line, markup=False, highlight=False, soft_wrap=True)
        for case, error in model.failed:
            terminal.print(f"Not measured: {model.name}, {case}: {error}", markup=False, highlight=False, soft_wrap=True)
    settings = evaluation.settings
    tolerance = "the tolerance itself" if settings.strict_tolerance else "an allowance for rounding"
    terminal.print(
        f"Surfaces: {settings.definition.value}; NSD with {tolerance}. A missed or hallucinated structure counts as 0, "
        "in distances as the diagonal of the volume.",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip
    for sentence in comparison_sentences(outcome.comparison) if outcome.comparison is not None else ():
        terminal.print(sentence, markup=False, highlight=False, soft_wrap=True)
    if outcome.uncompared:
        terminal.print(f"Not compared: {outcome.uncompared}", markup=False, highlight=False, soft_wrap=True)
    for path in outcome.files.paths:
        terminal.print(f"Wrote {path}", markup=False, highlight=False, soft_wrap=True)


def note_lines(model: ModelResult) -> List[str]:
    """Return the notes of a model as lines; what differs only in the file is told once, with the number of its cases."""
    alike: Dict[str, List[Tuple[str, str]]] = {}
    for case, text in model.notes:
        path, _, message = text.partition(": ")
        alike.setdefault(message or path, []).append((case, text))
    groups = list(alike.values())
    lines = []
    for notes in groups[:SHOWN_NOTES]:
        more = len({case for case, _ in notes}) - 1
        again = f" (so in {more} more case(s))" if more else ""
        lines.append(f"Note on {notes[0][0]}: {notes[0][1]}{again}")
    rest = sum(map(len, groups[SHOWN_NOTES:]))
    if rest:
        lines.append(f"{rest} more notes on {model.name} are in evaluation.json")
    return lines


def _table(evaluation: Evaluation, model: ModelResult) -> Any:
    from rich.markup import escape
    from rich.table import Table

    settings = evaluation.settings
    metrics = [m for m in settings.metrics if m == "dice" or (m.startswith(("nsd_", "hd")) and m != "hd_mm")] + ["assd_mm"]
    title = (
        f"{escape(model.name)}: {len(model.cases)} case(s) measured, {len(model.failed)} refused, {len(model.missing)} missing"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("structure")
    for column in ("n", "missed", "hallucinated", "both empty", *metrics):
        table.add_column(column, justify="right")
    labels = list(settings.labels)
    lines = aggregate(model.cases, labels, metrics)
    for place, name in enumerate(settings.labels.values()):
        own = lines[place * len(metrics) : (place + 1) * len(metrics)]
        counts = own[0].statuses
        numbers = (own[0].n, counts.missed, counts.hallucinated, counts.both_empty)
        table.add_row(escape(name), *map(str, numbers), *(_text(line.metric, line.mean) for line in own))
    if len(labels) > 1:
        table.add_row("cases' means", "", "", "", "", *(_text(m, _mean_of_cases(model, labels, m)) for m in metrics))
    return table


def _mean_of_cases(model: ModelResult, labels: List[int], metric: str) -> float:
    """Return the mean over the cases of each case's mean over its structures, as the comparison has it."""
    matrix = metric_matrix(model.cases, labels, metric)
    known = matrix[~np.isnan(matrix).all(axis=1)]
    return float(np.nanmean(known, axis=1).mean()) if len(known) else math.nan


def _text(metric: str, value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:.2f}" if metric.startswith(DISTANCE_METRICS) else f"{value:.4f}"
