"""Sections with the results on the test cases."""

from __future__ import annotations

from typing import Dict, List

from kdseg.wording import counted
from kdseg_training.distillation.study.analysis import LARGER_IS_BETTER, Analysis, Group
from kdseg_training.distillation.study.config import COMBINATION, PLAIN
from kdseg_training.distillation.study.measurement import METRICS
from kdseg_training.distillation.study.outcome import Outcome
from kdseg_training.distillation.study.report.tables import DIGITS, method_name, metric_name, table, width_name
from kdseg_training.evaluation.cells import interval_cell, number, p_cell, percent_cell, share_cell
from kdseg_training.metrics import Interval, Recovery
from kdseg_training.metrics.bootstrap import SMALLEST_TRUSTED_CASES

OVERLAPS = ("dice", "nsd")


def main_section(outcome: Outcome) -> List[str]:
    """The table of sizes, quality, retention and recovery."""
    return ["## Results", "", _setting_sentence(outcome), "", *_main_table(outcome, outcome.main), "", _explanation(outcome)]


def other_mirroring_section(outcome: Outcome) -> List[str]:
    """The same table under the other choice of mirroring."""
    if len(outcome.analyses) < 2:
        return []
    mirrored = outcome.config.inference.mirroring[1]
    analysis = outcome.analyses[mirrored]
    rows = []
    for group in (analysis.teacher, *analysis.groups):
        cells = []
        for metric in METRICS:
            here = analysis.of(group).quality[metric].macro.estimate
            there = outcome.main.of(group).quality[metric].macro.estimate
            cells.append(number(here - there, DIGITS[metric], signed=True))
        rows.append([group_name(outcome, group), *cells])
    names = [metric_name(outcome.config, metric) for metric in METRICS]
    title = "With" if mirrored else "Without"
    change = "Difference to the results above, where patches were " + ("not mirrored" if mirrored else "mirrored") + ":"
    return [
        f"## {title} mirroring",
        "",
        *_main_table(outcome, analysis),
        "",
        change,
        "",
        *table(["network", *names], rows),
    ]


def gap_section(outcome: Outcome) -> List[str]:
    """What there is to recover, and where nothing is."""
    names = [metric_name(outcome.config, metric) for metric in METRICS]
    rows, without = [], []
    for group in outcome.main.groups:
        distilled = next((g for g in outcome.main.groups if g.factor == group.factor and outcome.main.of(g).recovered), None)
        if group.method != PLAIN or distilled is None:
            continue
        recovered = outcome.main.of(distilled).recovered
        rows.append([width_name(group.factor), *(interval_cell(recovered[m].gap, DIGITS[m], signed=True) for m in METRICS)])
        without += [
            f"{metric_name(outcome.config, m)} of {width_name(group.factor)}" for m in METRICS if not _has_gap(m, recovered[m])
        ]
    lines = ["## The gap", "", "Teacher less the plain student of the same width, with 95 % interval:", ""]
    lines += table(["width", *names], rows)
    if without:
        lines += [
            "",
            f"No gap is shown for {', '.join(without)}: the interval contains 0, or the teacher is not ahead. There is "
            "nothing to be "
            "recovered there, and recovery is undefined.",
        ]
    return lines


def comparison_section(outcome: Outcome) -> List[str]:
    """Distilled against plain, and against plain at equal time."""
    rows = []
    for c in outcome.main.comparisons:
        rows.append(
            [
                width_name(c.factor),
                chosen_method_name(outcome, c.candidate),
                method_name(c.baseline),
                metric_name(outcome.config, c.metric),
                interval_cell(c.difference, DIGITS[c.metric], signed=True),
                p_cell(c.test.p_value),
                p_cell(c.holm_p),
                ", ".join(map(str, c.seeds)),
            ]
        )
    count = sum(1 for c in outcome.main.comparisons if c.metric == METRICS[0])
    return [
        "## Does distillation help?",
        "",
        "Distilled less undistilled student of the same width, on the seeds that both have: difference of the means "
        "with its 95 % "
        f"interval, and Wilcoxon's signed-rank test over the cases, plain and corrected by Holm for the {count} "
        "comparisons of its "
        "metric. For HD95 less is better.",
        "",
        *table(["width", "distilled", "against", "metric", "difference", "p", "p (Holm)", "seeds"], rows),
    ]


def inferiority_section(outcome: Outcome) -> List[str]:
    """Whether a student is as good as the teacher, up to the margin."""
    margins = outcome.config.statistics.margins
    rows = []
    for group in outcome.main.groups:
        for metric, result in outcome.main.of(group).inferiority.items():
            verdict = "not inferior" if result.non_inferior else "not shown"
            difference = interval_cell(result.difference, DIGITS[metric], signed=True)
            rows.append(
                [group_name(outcome, group), metric_name(outcome.config, metric), difference, f"{result.margin:g}", verdict]
            )
    stated = ", ".join(f"{metric_name(outcome.config, metric)} {margin:g}" for metric, margin in margins.items())
    return [
        "## As good as the teacher?",
        "",
        f"Margins, set in the study's file before the run: {stated}. Student less teacher with its 90 % interval; a "
        "student is not "
        "inferior where the worse end lies within the margin (one-sided, 5 %, not corrected for the number of rows).",
        "",
        *table(["student", "metric", "difference", "margin", "verdict"], rows),
    ]


def aims_section(outcome: Outcome) -> List[str]:
    """What was aimed at, beside what is."""
    aims = outcome.config.statistics.aims
    recommended = outcome.recommended()
    if aims is None or aims.factor not in recommended:
        return []
    method = recommended[aims.factor]
    group = outcome.main.group(aims.factor, method)
    if group is None:
        return []
    claims = outcome.main.of(group)
    rows = []
    for metric, share in aims.retention.items():
        if metric in claims.retained:
            kept = claims.retained[metric]
            name = f"keeps of {metric_name(outcome.config, metric)}"
            rows.append([name, share_cell(share), percent_cell(kept), _reached(kept, share)])
    for metric, share in aims.recovery.items():
        value = claims.recovered.get(metric)
        name = f"recovers of {metric_name(outcome.config, metric)}"
        if value is None or value.recovered is None or not _has_gap(metric, value):
            rows.append([name, share_cell(share), "undefined", "there is no gap"])
        else:
            rows.append([name, share_cell(share), percent_cell(value.recovered), _reached(value.recovered, share)])
    return [
        "## Aims",
        "",
        f"For the {width_name(aims.factor)} student with the method that did best on the inner validation, "
        f"{chosen_method_name(outcome, method)}:",
        "",
        *table(["what", "aim", "found", "reached"], rows),
    ]


def by_class_section(outcome: Outcome) -> List[str]:
    """Every structure, and the worst."""
    lines = ["## By structure"]
    for metric in METRICS:
        rows = []
        for group in (outcome.main.teacher, *outcome.main.groups):
            classes = outcome.main.of(group).quality[metric].classes
            worst = (min if LARGER_IS_BETTER[metric] else max)(range(len(classes)), key=lambda i: classes[i].estimate)
            names = list(outcome.main.classes.values())
            rows.append([group_name(outcome, group), *(interval_cell(c, DIGITS[metric]) for c in classes), names[worst]])
        header = ["network", *outcome.main.classes.values(), "worst"]
        lines += ["", f"{metric_name(outcome.config, metric)}:", "", *table(header, rows)]
    return lines


def seeds_section(outcome: Outcome) -> List[str]:
    """Every single network."""
    analysis, rows = outcome.main, []
    for group in (analysis.teacher, *analysis.groups):
        values: Dict[str, Dict[int, float]] = {metric: group.of_seed(metric) for metric in METRICS}
        for seed in group.seeds:
            rows.append([group_name(outcome, group), str(seed), *(f"{values[m][seed]:.{DIGITS[m]}f}" for m in METRICS)])
    names = [metric_name(outcome.config, metric) for metric in METRICS]
    return ["## Every seed", "", *table(["network", "seed", *names], rows)]


def _main_table(outcome: Outcome, analysis: Analysis) -> List[str]:
    names = [metric_name(outcome.config, metric) for metric in METRICS]
    heads = ["network", "parameters", "seeds", *names]
    heads += [f"{n} kept" for n in names[:2]] + [f"{n} recovered" for n in names]
    rows = []
    for group in (analysis.teacher, *analysis.groups):
        claims = analysis.of(group)
        cells = [group_name(outcome, group), f"{outcome.arms_of(group)[0].parameters:,}", str(len(group.seeds))]
        cells += [interval_cell(claims.quality[metric].macro, DIGITS[metric]) for metric in METRICS]
        cells += [percent_cell(claims.retained[m]) if m in claims.retained else "–" for m in OVERLAPS]
        cells += [_recovered_cell(m, claims.recovered[m]) if m in claims.recovered else "–" for m in METRICS]
        rows.append(cells)
    return table(heads, rows)


def _setting_sentence(outcome: Outcome) -> str:
    config = outcome.config
    budget = config.budget
    mirrored = "with" if config.inference.mirroring[0] else "without"
    same = config.teacher.model_folder is None or config.teacher.require_same_budget
    batches = "on the same batches for the same seed."
    if outcome.unlabelled:
        batches = (
            f"{'the students ' if same else ''}on the same labelled samples for the same seed; the distilled ones saw as well, "
            f"in the same batches, {counted(len(outcome.unlabelled), 'scan')} without labels."
        )
    steps = f"{counted(budget.steps, 'step')} ({counted(budget.epochs, 'epoch')} of {budget.iterations})"
    return (
        f"{len(outcome.split.test)} test cases that were never used for training or choosing, predicted {mirrored} mirroring. "
        f"Every {'network' if same else 'student'} was trained for {steps}, except where equal time is said, {batches}"
    )


def _explanation(outcome: Outcome) -> str:
    few = len(outcome.split.test) < SMALLEST_TRUSTED_CASES
    warning = f" With fewer than {SMALLEST_TRUSTED_CASES} cases such intervals are rather too narrow." if few else ""
    return (
        "Mean over the cases of the mean over the structures, of the mean over the seeds, with a 95 % bootstrap "
        "interval over the "
        f"cases ({outcome.config.statistics.resamples:,} draws); seeds are not resampled, every one stands "
        f"below.{warning} Kept: the "
        "student's mean as a share of the teacher's. Recovered: (distilled − plain) / (teacher − plain), undefined "
        "where the interval of "
        "teacher − plain contains 0."
    )


def _recovered_cell(metric: str, value: Recovery) -> str:
    if value.recovered is None:
        return "undefined"
    return percent_cell(value.recovered) if _has_gap(metric, value) else "undefined (teacher behind)"


def _has_gap(metric: str, value: Recovery) -> bool:
    """Tell whether the teacher is ahead of the plain student, beyond doubt."""
    return value.has_gap(larger_is_better=LARGER_IS_BETTER[metric])


def _reached(found: Interval, share: float) -> str:
    if found.low >= share:
        return "yes, the whole interval"
    return "yes, the estimate" if found.estimate >= share else "no"


def chosen_method_name(outcome: Outcome, method: str) -> str:
    """Return a method in words; the combination with what it is."""
    chosen = outcome.combination.chosen if outcome.combination is not None and method == COMBINATION else None
    return method_name(method, chosen)


def group_name(outcome: Outcome, group: Group) -> str:
    """Return a group's name in all tables."""
    if group.method is None:
        return "teacher"
    return f"{width_name(group.factor)}, {chosen_method_name(outcome, group.method)}"
