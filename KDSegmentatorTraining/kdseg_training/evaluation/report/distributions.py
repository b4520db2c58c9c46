"""Distributions by structure: every case a point, missed ones too."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Dict, List, Sequence

import numpy as np
import numpy.typing as npt

from kdseg_training.evaluation.compared_metrics import compared_metrics, is_larger_better, metric_heading
from kdseg_training.evaluation.report.averages import Average, Averages
from kdseg_training.evaluation.report.charts import MOST_POINTS, legend, short, style_of, svg
from kdseg_training.evaluation.report.markup import Markup, paragraph, picture, section
from kdseg_training.evaluation.results import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STRUCTURES_PER_CHART = 24
"""More structures are spread over several charts."""

SMALLEST_BOX = 5
"""Of fewer values no box is drawn."""


def distributions_section(evaluation: Evaluation, averages: Averages) -> Markup:
    """Return a chart for every metric and at most :data:`STRUCTURES_PER_CHART` structures."""
    labels = list(evaluation.settings.labels)
    charts = []
    for metric in compared_metrics(evaluation.settings):
        by_model = {model.name: averages.of(model, metric) for model in evaluation.models if model.cases}
        for start in range(0, len(labels), STRUCTURES_PER_CHART):
            part = list(range(start, min(len(labels), start + STRUCTURES_PER_CHART)))
            charts.append(_chart(evaluation, metric, by_model, part))
    explanation = paragraph(
        "Each point is a case. Boxes reach from the first to the third quartile, with the median as a line; whiskers to the "
        "last point within 1.5 times that range. A cross is a missed or hallucinated structure: overlap 0, and no distance. "
        "Mind where the axes begin."
    )
    return section("distributions", "Distributions", explanation, *charts)


def _chart(evaluation: Evaluation, metric: str, by_model: Dict[str, Average], places: Sequence[int]) -> Markup:
    names = list(evaluation.settings.labels.values())
    structures = [names[place] for place in places]
    heading = metric_heading(metric)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        _Rows(axes, metric, by_model, places).draw()
        axes.set_yticks(range(len(places)), [short(structure) for structure in structures])
        axes.set_ylim(len(places) - 0.5, -0.5)
        axes.set_xlabel(heading)
        if len(by_model) > 1:
            legend(figure, axes)

    height = 1.1 + len(places) * (0.24 + 0.24 * len(by_model))
    shown = f"{heading} of {', '.join(structures[:6])}{' and others' if len(structures) > 6 else ''}"
    alternative = f"Box plot: {shown}, one row for each structure and model. The table by structure holds its numbers."
    return picture(svg((8.0, height), draw), "image/svg+xml", alternative, shown + ".")


class _Rows:
    """Draws the rows of one chart."""

    def __init__(self, axes: Axes, metric: str, by_model: Dict[str, Average], places: Sequence[int]) -> None:
        self._axes, self._by_model, self._places = axes, by_model, places
        self._overlap = is_larger_better(metric)
        self._height = 0.8 / len(by_model)
        points = sum(average.values[:, list(places)].size for average in by_model.values())
        self._flat = points > MOST_POINTS
        finite = [average.detected[:, list(places)].ravel() for average in by_model.values()]
        known = np.concatenate(finite)
        known = known[~np.isnan(known)]
        self._edge = float(known.max()) if len(known) else 1.0

    def draw(self) -> None:
        """Draw all rows and set the axis."""
        for number, (model, average) in enumerate(self._by_model.items()):
            colour, marker = style_of(number)
            label = short(model)
            for row, place in enumerate(self._places):
                middle = row - 0.4 + self._height * (number + 0.5)
                self._row(average, place, middle, colour=colour, marker=marker, label=label if row == 0 else None)
        if self._overlap:
            self._axes.set_xlim(self._lowest(), 1.0 + 0.02 * (1.0 - self._lowest()))
            return
        room = max(self._edge, 1e-3)
        self._axes.set_xlim(-0.02 * room, 1.14 * room)
        if any(self._lost(average, place).any() for average in self._by_model.values() for place in self._places):
            self._axes.axvline(1.05 * room, color="#545b66", linewidth=0.8, linestyle=":")
            self._axes.text(1.095 * room, -0.47, "none", ha="center", va="top", fontsize=7, color="#545b66")

    def _lowest(self) -> float:
        """Return where the axis of an overlap begins: a multiple of 0.1 below all values."""
        values = np.concatenate([average.values[:, list(self._places)].ravel() for average in self._by_model.values()])
        known = values[~np.isnan(values)]
        lowest = float(known.min()) if len(known) else 0.0
        return max(-0.02, math.floor((lowest - 0.02) * 10) / 10)

    def _lost(self, average: Average, place: int) -> npt.NDArray[np.bool_]:
        return ~np.isnan(average.values[:, place]) & np.isnan(average.detected[:, place])

    def _row(self, average: Average, place: int, middle: float, **look: Any) -> None:
        detected = average.detected[:, place]
        lost = self._lost(average, place)
        values = average.values[:, place] if self._overlap else detected
        known = values[~np.isnan(values)]
        if len(known) >= SMALLEST_BOX:
            self._box(known, middle, look["colour"])
        heights = middle + self._height * 0.5 * (_spread(len(values)) - 0.5)
        found = ~np.isnan(detected)
        points: Dict[str, Any] = {"s": 9, "linewidths": 0.4, "rasterized": self._flat, "zorder": 3}
        self._axes.scatter(
            detected[found],
            heights[found],
            marker=look["marker"],
            color=look["colour"],
            alpha=0.65,
            label=look["label"],
            **points,
        )
        where = np.zeros(int(lost.sum())) if self._overlap else np.full(int(lost.sum()), 1.095 * max(self._edge, 1e-3))
        self._axes.scatter(where, heights[lost], marker="x", color=look["colour"], **{**points, "s": 22, "linewidths": 1.2})

    def _box(self, known: npt.NDArray[np.float64], middle: float, colour: str) -> None:
        low, median, high = np.percentile(known, [25, 50, 75])
        reach = 1.5 * (high - low)
        whiskers = known[(known >= low - reach) & (known <= high + reach)]
        thick = self._height * 0.62
        self._axes.barh(middle, high - low, left=low, height=thick, color=colour, alpha=0.18, zorder=1)
        self._axes.barh(middle, high - low, left=low, height=thick, fill=False, edgecolor=colour, linewidth=0.9, zorder=2)
        ends: List[Any] = [(whiskers.min(), low), (high, whiskers.max())]
        for a, b in ends:
            self._axes.plot([a, b], [middle, middle], color=colour, linewidth=0.9, zorder=2)
        self._axes.plot([median, median], [middle - thick / 2, middle + thick / 2], color=colour, linewidth=2.2, zorder=4)


def _spread(count: int) -> npt.NDArray[np.float64]:
    """Return numbers between 0 and 1 that lie apart from their neighbours, the same ones every time."""
    return np.asarray((np.arange(count) * 0.618033988749895) % 1.0, dtype=np.float64)
