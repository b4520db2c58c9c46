"""The section that compares the models."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Tuple

from kdseg.wording import counted
from kdseg_training.evaluation.cells import UNKNOWN, interval_cell, number, p_cell, percent_cell
from kdseg_training.evaluation.compared_metrics import is_larger_better, metric_heading
from kdseg_training.evaluation.comparison_results import SMALLEST_COMPARED_CASES, Comparison, PairComparison
from kdseg_training.evaluation.report.differences import differences_chart
from kdseg_training.evaluation.report.markup import Content, Markup, bullets, join, name, notice, paragraph, section, tag
from kdseg_training.evaluation.report.overview import digits_of
from kdseg_training.evaluation.report.tables import Cell, Table
from kdseg_training.metrics import Interval, Recovery
from kdseg_training.metrics.comparison import MLPERF_RETENTION

SIGNIFICANT = 0.05
"""Of the corrected p-values."""

_RECOVERY = (
    " Recovered: (model − baseline) / (teacher − baseline), undefined where the interval of teacher − baseline holds 0 or the "
    "teacher is not ahead."
)


def comparison_section(comparison: Comparison, labels: Mapping[int, str]) -> Markup:
    """Return the models side by side on their common cases."""
    parts: List[Content] = [_cases(comparison, labels), _quality(comparison)]
    if not comparison.has_enough_cases:
        parts.append(
            notice(
                paragraph(
                    f"Fewer than {SMALLEST_COMPARED_CASES} common cases: no difference can be told from chance, so there are "
                    "no tests, intervals and claims."
                )
            )
        )
    if comparison.retained or comparison.inferiority or comparison.recovered:
        parts += [tag("h3", "Against the teacher"), _teacher(comparison)]
    if comparison.pairs:
        parts += [tag("h3", "Pairs of models"), _pairs(comparison)]
        for pairs in _by_models(comparison).values():
            parts += [differences_chart(pairs, labels), _by_structure(pairs, labels)]
    return section("comparison", "Comparison of models", *parts)


def _cases(comparison: Comparison, labels: Mapping[int, str]) -> List[Markup]:
    cells = comparison.cells
    remarks: List[Content] = []
    if cells.left_out:
        remarks.append(f"Left out, as not every model has them: {counted(len(cells.left_out), 'case')}.")
    if cells.absent:
        absent = _listed([labels[label] for label in cells.absent])
        remarks.append(["Left out, as neither the reference nor a model holds them: ", absent])
    if cells.rightly_empty:
        remarks.append(
            f"In {cells.rightly_empty} cells (case and structure) a model is rightly empty where another one hallucinates; "
            "there it counts as perfect (overlap 1, distance 0), so these means can differ from those above."
        )
    roles: List[Content] = [
        [f"{role}: ", name(model), ". "]
        for role, model in (("Teacher", comparison.teacher), ("Baseline, trained alone", comparison.baseline))
        if model is not None
    ]
    same = f"{counted(len(cells.cases), 'case')} and {counted(len(cells.labels), 'structure')}"
    text = paragraph(f"All models on the same {same}. ", roles)
    return [text, *([bullets(remarks)] if remarks else [])]


def _listed(names: List[str]) -> Markup:
    return join([part for text in names for part in (name(text), ", ")][:-1])


def _quality(comparison: Comparison) -> Markup:
    columns: List[Cell] = ["Model"]
    for metric in comparison.metrics:
        columns += [metric_heading(metric), "mean rank"]
    table = Table(
        "Mean over the common cases of each case's mean over its structures, with 95 % bootstrap interval; and the mean of the "
        "ranks in every case and structure (1 is best, ties share).",
        columns,
    )
    for model in comparison.models:
        cells = []
        for metric in comparison.metrics:
            rank = comparison.ranks.get((model, metric))
            cells.append(interval_cell(comparison.quality[model, metric].macro, digits_of(metric)))
            cells.append(UNKNOWN if rank is None else number(rank.mean, 2))
        table.add(*cells, heading=name(model))
    return table.markup()


def _teacher(comparison: Comparison) -> List[Markup]:
    recovery = [] if comparison.baseline is None else ["Recovered (95 %)"]
    table = Table(
        "Difference: model − teacher, with its 90 % interval, one end of which is the one-sided 95 % bound. Not inferior: that "
        "bound lies within the margin. Retained: share of the teacher's mean."
        + (_RECOVERY if comparison.baseline is not None else ""),
        ["Model", "Metric", "Difference (90 %)", "Margin", "Verdict", "Retained (95 %)", *recovery],
        words={0, 1, 4},
    )
    others = [model for model in comparison.models if model != comparison.teacher]
    for model in others:
        for place, metric in enumerate(comparison.metrics):
            heading = name(model) if place == 0 else None
            table.add(*_teacher_cells(comparison, model, metric), heading=heading, spans=len(comparison.metrics))
    shares = " and ".join(f"{100 * share:g} %" for share in MLPERF_RETENTION)
    remark = (
        "Verdicts are about the margins given here; these must have been set before the results were seen. They are not "
        f"corrected for the number of rows. For scale: MLPerf asks its 3D U-Net for {shares} of the reference's Dice."
    )
    missing = [metric_heading(metric) for metric in comparison.metrics if metric not in comparison.margins]
    without = f" Without a margin there is no verdict: {', '.join(missing)}." if missing else ""
    return [table.markup(), paragraph(remark + without)]


def _teacher_cells(comparison: Comparison, model: str, metric: str) -> List[str]:
    key = (model, metric)
    claim = comparison.inferiority.get(key)
    kept = comparison.retained.get(key)
    cells = [metric_heading(metric)]
    if claim is None:
        cells += [UNKNOWN, UNKNOWN, UNKNOWN]
    else:
        verdict = "not inferior" if claim.non_inferior else "not shown"
        cells += [_difference(claim.difference, metric), f"{claim.margin:g}", verdict]
    cells.append(UNKNOWN if kept is None else percent_cell(kept))
    return cells if comparison.baseline is None else [*cells, _recovered(comparison.recovered.get(key), metric)]


def _recovered(value: Optional[Recovery], metric: str) -> str:
    if value is None:
        return UNKNOWN
    if value.recovered is None or not value.has_gap(larger_is_better=is_larger_better(metric)):
        return "undefined"
    return percent_cell(value.recovered)


def _difference(interval: Interval, metric: str) -> str:
    return interval_cell(interval, 4 if is_larger_better(metric) else 3, signed=True)


def _pairs(comparison: Comparison) -> Markup:
    count = len({(pair.baseline, pair.candidate) for pair in comparison.pairs})
    table = Table(
        "Difference: second − first model, with 95 % bootstrap interval; for distances less is better. p: Wilcoxon's "
        "signed-rank test with Pratt's zeros over the cases, of each case's mean over structures, and corrected by Holm for "
        f"the {count} {'pair' if count == 1 else 'pairs'} of the metric. r: rank-biserial correlation, −1 to 1.",
        ["First → second", "Metric", "Difference (95 %)", "p", "p (Holm)", "r", f"Better (p < {SIGNIFICANT:g})"],
        words={0, 1, 6},
    )
    for pairs in _by_models(comparison).values():
        for place, pair in enumerate(pairs):
            table.add(
                metric_heading(pair.metric),
                _difference(pair.difference, pair.metric),
                p_cell(pair.test.p_value),
                p_cell(pair.holm_p),
                number(pair.test.rank_biserial, 2, signed=True),
                _better(pair),
                heading=join(name(pair.baseline), " → ", name(pair.candidate)) if place == 0 else None,
                spans=len(pairs),
            )
    return table.markup()


def _by_models(comparison: Comparison) -> Dict[Tuple[str, str], List[PairComparison]]:
    """Return the comparisons of each pair of models, one for each metric."""
    found: Dict[Tuple[str, str], List[PairComparison]] = {}
    for pair in comparison.pairs:
        found.setdefault((pair.baseline, pair.candidate), []).append(pair)
    return found


def _better(pair: PairComparison) -> Cell:
    """Name the better model where the corrected test and the interval agree."""
    if pair.holm_p >= SIGNIFICANT or pair.difference.contains(0.0):
        return "not shown"
    gain = pair.difference.estimate > 0
    return name(pair.candidate if gain == is_larger_better(pair.metric) else pair.baseline)


def _by_structure(pairs: List[PairComparison], labels: Mapping[int, str]) -> Markup:
    first = pairs[0]
    columns: List[Cell] = ["Structure"]
    for pair in pairs:
        columns += [f"{metric_heading(pair.metric)}: difference", "p (Holm)"]
    caption = [
        "By structure: ",
        name(first.candidate),
        " − ",
        name(first.baseline),
        ", 95 % intervals, not corrected; p-values corrected by Holm for all structures and pairs of models of the metric.",
    ]
    table = Table(caption, columns)
    for place, entry in enumerate(first.classes):
        cells = []
        for pair in pairs:
            cells += [_difference(pair.classes[place].difference, pair.metric), p_cell(pair.classes[place].holm_p)]
        table.add(*cells, heading=name(labels[entry.label]))
    return table.markup()
