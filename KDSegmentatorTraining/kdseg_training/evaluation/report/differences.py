"""Differences of two models by structure, as a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Mapping

from kdseg_training.evaluation.compared_metrics import is_larger_better, metric_heading
from kdseg_training.evaluation.comparison_results import PairComparison
from kdseg_training.evaluation.report.charts import COLOURS, short, svg
from kdseg_training.evaluation.report.markup import Content, Markup, name, picture, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_ROWS = 40
"""Structures that are drawn; of more, those with the largest differences in the first metric."""


def differences_chart(pairs: List[PairComparison], labels: Mapping[int, str]) -> Markup:
    """Return the differences of one pair of models in all metrics, with their intervals.

    Parameters
    ----------
    pairs
        The same two models, one entry for each metric.
    labels
        Names of the structures.
    """
    first = pairs[0]
    order = sorted(range(len(first.classes)), key=lambda i: abs(first.classes[i].difference.estimate), reverse=True)
    rows = sorted(order[:MOST_ROWS])
    names = [short(labels[first.classes[row].label]) for row in rows]

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(pairs), sharey=True, squeeze=False)[0]
        for axes, pair in zip(panels, pairs):
            intervals = [pair.classes[row].difference for row in rows] + [pair.difference]
            values = [interval.estimate for interval in intervals]
            errors = [
                [max(0.0, interval.estimate - interval.low) for interval in intervals],
                [max(0.0, interval.high - interval.estimate) for interval in intervals],
            ]
            axes.errorbar(values, range(len(values)), xerr=errors, fmt="o", color=COLOURS[0], markersize=4, linewidth=1.2)
            axes.axvline(0.0, color="#1a1d21", linewidth=0.9)
            axes.axhline(len(rows) - 0.5, color="#8b93a0", linewidth=0.7)
            side = "right" if is_larger_better(pair.metric) else "left"
            axes.set_xlabel(f"{metric_heading(pair.metric)}\n{side}: second is better")
            axes.locator_params(axis="x", nbins=4)
        panels[0].set_yticks(range(len(rows) + 1), [*names, "mean"])
        panels[0].set_ylim(len(rows) + 0.5, -0.5)

    left_out = len(order) - len(rows)
    alternative = (
        f"Differences {plain(first.candidate)} − {plain(first.baseline)} by structure with 95 % intervals. The table holds the "
        "numbers."
    )
    caption: List[Content] = [
        "Second − first model: ",
        name(first.candidate),
        " − ",
        name(first.baseline),
        ", by structure, with 95 % intervals.",
    ]
    if left_out:
        caption.append(f" {left_out} structures that differ less in {metric_heading(first.metric)} are in the table alone.")
    return picture(svg((8.0, 1.3 + 0.3 * (len(rows) + 1)), draw), "image/svg+xml", alternative, caption)
