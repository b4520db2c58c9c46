"""Agreement of volumes: Bland–Altman charts and their table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Dict, List, Sequence, Tuple

from kdseg_training.evaluation.agreement import Agreement, bland_altman
from kdseg_training.evaluation.cells import number, range_cell
from kdseg_training.evaluation.report.charts import short, style_of, svg
from kdseg_training.evaluation.report.markup import Markup, name, paragraph, picture, section
from kdseg_training.evaluation.report.tables import Cell, Table
from kdseg_training.evaluation.results import Evaluation, ModelResult
from kdseg_training.metrics.definitions import Status

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 12
"""Structures that are drawn; of more, those whose limits are widest against their volume."""

Agreements = Dict[Tuple[str, int], Agreement]
"""By name of the model and label."""


def volumes_section(evaluation: Evaluation) -> Markup:
    """Return the agreement of every structure and model."""
    found = agreements(evaluation)
    several = len(evaluation.models) > 1
    table = Table(
        "Predicted less reference volume in ml: bias and limits of agreement with exact 95 % intervals. Trend: change of the "
        "difference with the volume, ml per ml. An exclamation mark: its interval leaves out 0, bias and limits depend on the "
        "size, and the limits do not hold for all.",
        [
            "Structure",
            *(["Model"] if several else []),
            "Cases",
            "Mean reference",
            "Bias",
            "Lower limit",
            "Upper limit",
            "Trend",
        ],
        words={0, 1} if several else {0},
    )
    for label, structure in evaluation.settings.labels.items():
        rows = [(model, found[model.name, label]) for model in evaluation.models if (model.name, label) in found]
        digits = _digits([agreement for _, agreement in rows])
        for place, (model, agreement) in enumerate(rows):
            cells: List[Cell] = [name(model.name)] if several else []
            cells += _cells(agreement, digits)
            table.add(*cells, heading=name(structure) if place == 0 else None, spans=len(rows))
    explanation = paragraph(
        "Volumes are voxels counted, times the size of a voxel. Cases in which only one of the masks holds the structure are "
        "in, with volume 0 for the other, and drawn as crosses; cases in which neither holds it are left out. 95 % of the "
        "differences are expected between the limits if they are normal and independent of the size."
    )
    charts = [chart for model in evaluation.models for chart in _charts(evaluation, model, found)]
    return section("volumes", "Volumes", explanation, *charts, table.markup())


def agreements(evaluation: Evaluation) -> Agreements:
    """Return Bland and Altman's numbers of every model and structure that has a case."""
    found: Agreements = {}
    for model in evaluation.models:
        for label in evaluation.settings.labels:
            rows = [case.classes[label] for case in model.cases if case.classes[label].status is not Status.BOTH_EMPTY]
            if rows:
                predicted, referred = zip(*((row.prediction_volume_ml, row.reference_volume_ml) for row in rows))
                found[model.name, label] = bland_altman(predicted, referred)
    return found


def _cells(agreement: Agreement, digits: int) -> List[str]:
    referred = agreement.means_ml - agreement.differences_ml / 2.0
    cells = [str(agreement.cases), number(float(referred.mean()), digits)]
    for bounded in (agreement.bias_ml, agreement.lower_ml, agreement.upper_ml):
        cells.append(range_cell(bounded.value, bounded.low, bounded.high, digits, signed=True))
    trend = range_cell(agreement.trend.value, agreement.trend.low, agreement.trend.high, 3, signed=True)
    return [*cells, f"{trend} (!)" if agreement.depends_on_size else trend]


def _digits(agreements_of_models: Sequence[Agreement]) -> int:
    """Return decimals that show the largest differences of a structure with three significant digits, but at most four."""
    spread = max((float(abs(agreement.differences_ml).max()) for agreement in agreements_of_models), default=0.0)
    return 3 if spread == 0 else min(4, max(1, 2 - math.floor(math.log10(spread))))


def _charts(evaluation: Evaluation, model: ModelResult, found: Agreements) -> List[Markup]:
    labels = [label for label in evaluation.settings.labels if (model.name, label) in found]
    if not labels:
        return []
    chosen = _most_uncertain(model, labels, found)
    rows = (len(chosen) + 1) // 2

    def draw(figure: Figure) -> None:
        grid = figure.subplots(rows, 2, squeeze=False).ravel()
        for axes, label in zip(grid, chosen):
            _panel(axes, evaluation, model, label, found[model.name, label])
        for axes in grid[len(chosen) :]:
            axes.set_axis_off()

    names = ", ".join(evaluation.settings.labels[label] for label in chosen)
    left_out = len(labels) - len(chosen)
    rest = f" {left_out} more structures are in the table alone; their limits are narrower." if left_out else ""
    alternative = (
        f"Bland–Altman charts of {model.name}: difference against mean volume of {names}. The table holds the numbers."
    )
    caption = [
        name(model.name),
        ": difference of the volumes (prediction − reference) against their mean. Line: bias; dashed: limits of agreement; "
        f"bands: 95 % intervals.{rest}",
    ]
    return [picture(svg((8.0, 0.3 + 2.5 * rows), draw), "image/svg+xml", alternative, caption)]


def _most_uncertain(model: ModelResult, labels: Sequence[int], found: Agreements) -> List[int]:
    """Return the labels to draw, in their own order."""

    def width(label: int) -> float:
        agreement = found[model.name, label]
        limits = max(abs(agreement.lower_ml.value), abs(agreement.upper_ml.value))
        return (abs(agreement.bias_ml.value) if math.isnan(limits) else limits) / max(1e-9, float(agreement.means_ml.mean()))

    widest = set(sorted(labels, key=width, reverse=True)[:MOST_PANELS])
    return [label for label in labels if label in widest]


def _panel(axes: Axes, evaluation: Evaluation, model: ModelResult, label: int, agreement: Agreement) -> None:
    place = [other.name for other in evaluation.models].index(model.name)
    colour, marker = style_of(place)
    statuses = [case.classes[label].status for case in model.cases]
    whole = [status is Status.OK for status in statuses if status is not Status.BOTH_EMPTY]
    for wanted, sign in ((True, marker), (False, "x")):
        chosen = [number for number, is_whole in enumerate(whole) if is_whole is wanted]
        axes.scatter(
            agreement.means_ml[chosen], agreement.differences_ml[chosen], s=16, marker=sign, color=colour, alpha=0.75, zorder=3
        )
    for bounded, dashes in ((agreement.bias_ml, "-"), (agreement.lower_ml, "--"), (agreement.upper_ml, "--")):
        if not math.isnan(bounded.low):
            axes.axhspan(bounded.low, bounded.high, color="#545b66", alpha=0.13, linewidth=0)
        if not math.isnan(bounded.value):
            axes.axhline(bounded.value, color="#1a1d21", linewidth=1.1, linestyle=dashes)
    axes.axhline(0.0, color="#8b93a0", linewidth=0.6)
    axes.set_title(f"{short(evaluation.settings.labels[label])} (n = {agreement.cases})", fontsize=9)
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel("mean of both volumes (ml)")
    axes.set_ylabel("difference (ml)")
