"""The first section: what was measured of which model, what was not, and the means."""

from __future__ import annotations

from typing import List, Tuple

from kdseg.wording import counted
from kdseg_training.evaluation.cells import UNKNOWN, interval_cell
from kdseg_training.evaluation.compared_metrics import compared_metrics, is_larger_better, metric_heading
from kdseg_training.evaluation.report.averages import Averages
from kdseg_training.evaluation.report.markup import Content, Markup, bullets, name, notice, paragraph, section, tag
from kdseg_training.evaluation.report.tables import Table
from kdseg_training.evaluation.results import Evaluation, ModelResult
from kdseg_training.metrics import Status
from kdseg_training.metrics.bootstrap import SMALLEST_TRUSTED_CASES

MOST_NAMED = 40
"""Cases that a list names; of more, the rest is counted."""


def digits_of(metric: str) -> int:
    """Return the decimals of a metric's means."""
    return 3 if is_larger_better(metric) else 2


def overview_section(evaluation: Evaluation, averages: Averages) -> Markup:
    """Return models, cases and means."""
    settings = evaluation.settings
    metrics = compared_metrics(settings)
    table = Table(
        "Each model on all cases that were measured for it: mean over cases of each case's mean over its structures, with 95 % "
        "bootstrap interval over cases. A missed or hallucinated structure counts as overlap 0 and as the diagonal of the "
        "image; a structure that neither mask holds does not count.",
        ["Model", "Cases", "Refused", "Missing", "Structures missed", "Hallucinated", *map(metric_heading, metrics)],
    )
    for model in evaluation.models:
        counts = [model.statuses(label) for label in settings.labels]
        cells = [str(len(model.cases)), str(len(model.failed)), str(len(model.missing))]
        cells += [str(sum(c.missed for c in counts)), str(sum(c.hallucinated for c in counts))]
        for metric in metrics:
            macro = averages.of(model, metric).macro if model.cases else None
            cells.append(UNKNOWN if macro is None else interval_cell(macro, digits_of(metric)))
        table.add(*cells, heading=name(model.name))
    cautions = _cautions(evaluation) + _uneven(evaluation)
    return section("overview", "At a glance", _setting(evaluation), table.markup(), cautions)


def _setting(evaluation: Evaluation) -> Markup:
    settings = evaluation.settings
    better = "Larger is better for Dice and NSD, smaller for distances (HD)."
    return paragraph(
        f"{counted(len(evaluation.models), 'model')}, {counted(len(settings.labels), 'structure')}; reference: ",
        name(evaluation.reference),
        f". Surface: {settings.definition.value.replace('_', ' ')}. {better} ",
        tag("a", "Definitions and methods", href="#methods"),
        " are at the end.",
    )


def _cautions(evaluation: Evaluation) -> List[Markup]:
    """Say what the averages do not hold, and how sure they are."""
    found = []
    for model in evaluation.models:
        items = list(_gaps(model))
        if items:
            found.append(notice(paragraph(name(model.name), ": these cases are in no average."), bullets(items)))
    fewest = min(len(model.cases) for model in evaluation.models)
    if fewest < SMALLEST_TRUSTED_CASES:
        found.append(
            notice(
                paragraph(
                    f"Only {counted(fewest, 'case')}: " if fewest < 20 else f"{fewest} cases: ",
                    f"below {SMALLEST_TRUSTED_CASES} cases bootstrap intervals are rather too narrow. Cases are taken for "
                    "independent; several scans of one patient are not.",
                )
            )
        )
    return found


def _uneven(evaluation: Evaluation) -> List[Markup]:
    """Say where the means of the models are not of the same cases and structures."""
    cells = {
        frozenset(
            (case.case, label) for case in model.cases for label, m in case.classes.items() if m.status is not Status.BOTH_EMPTY
        )
        for model in evaluation.models
    }
    if len(cells) < 2:
        return []
    return [
        notice(
            paragraph(
                "The means of the models above are not of the same cases and structures. Side by side they stand in the ",
                tag("a", "comparison", href="#comparison"),
                ".",
            )
        )
    ]


def _gaps(model: ModelResult) -> List[Content]:
    lines: List[Content] = [
        ["Refused: ", name(case), f": {_reason(error.problem, error.found)}"] for case, error in model.failed
    ]
    if model.missing:
        lines.append(["No prediction: ", *_names(model.missing)])
    if model.unexpected:
        lines.append(["No reference: ", *_names(model.unexpected)])
    if model.ignored_voxels:
        lines.append(f"Voxels that the reference marks as not labelled were left out in {len(model.ignored_voxels)} cases.")
    return lines


def _reason(problem: str, found: str) -> str:
    return f"{problem} Found: {found}." if found else problem


def _names(cases: Tuple[str, ...]) -> List[Content]:
    shown: List[Content] = []
    for case in cases[:MOST_NAMED]:
        shown += [", " if shown else None, name(case)]
    if len(cases) > MOST_NAMED:
        shown.append(f" and {len(cases) - MOST_NAMED} more")
    return [part for part in shown if part is not None]
