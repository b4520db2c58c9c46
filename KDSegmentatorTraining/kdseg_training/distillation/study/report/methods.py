"""Sections about how the results came about: what was chosen, what it cost, and with what."""

from __future__ import annotations

import statistics
from typing import Any, List, Mapping, Optional, Sequence

from kdseg.wording import counted
from kdseg_training.distillation.study.config import MethodSettings
from kdseg_training.distillation.study.inference import PREDICTORS
from kdseg_training.distillation.study.outcome import ArmOutcome, Outcome
from kdseg_training.distillation.study.report.results import chosen_method_name, group_name
from kdseg_training.distillation.study.report.tables import seconds_text, table, width_name

OPTIMIZERS = {"sgd": "SGD", "adamw": "AdamW"}
"""Optimisers by their keys."""


def history_section(history: Sequence[Mapping[str, Any]]) -> List[str]:
    """Say that the test was looked at before, if it was."""
    if not history:
        return []
    days = ", ".join(str(entry.get("written")) for entry in history)
    return [
        f"**The test cases were reported before, with other settings or networks ({len(history)} times: {days}).** What "
        "was chosen since "
        "then may have been chosen with knowledge of the test."
    ]


def choices_section(outcome: Outcome) -> List[str]:
    """What was chosen on the inner validation."""
    scores = outcome.validation_dice()
    factors = list(dict.fromkeys(factor for factor, _ in scores))
    methods = list(dict.fromkeys(method for _, method in scores))
    rows = []
    for method in methods:
        cells = [f"{scores[f, method]:.4f}" if (f, method) in scores else "–" for f in factors]
        rows.append([chosen_method_name(outcome, method), *cells])
    lines = [
        "## Choices",
        "",
        f"All choices rest on the {len(outcome.split.validation)} inner validation cases of fold {outcome.config.fold}. "
        "Their Dice, mean "
        "over seeds:",
        "",
        *table(["method", *(width_name(factor) for factor in factors)], rows),
        "",
    ]
    best = ", ".join(f"{chosen_method_name(outcome, m)} for {width_name(f)}" for f, m in outcome.recommended().items())
    lines.append(f"The distilled student to take is therefore: {best}.")
    wanted, choice = outcome.config.combination, outcome.combination
    if wanted is not None and choice is not None:
        compared = ", ".join(f"{name} {score:.4f}" for name, score in choice.scores.items())
        lines += [
            "",
            f"Combination, chosen with {width_name(wanted.factor)}, seed {wanted.seed}: {choice.chosen}, of {compared}.",
        ]
    for equal in outcome.equal_time:
        lines += [
            "",
            f"Equal time for {width_name(equal.factor)}: a step takes {equal.plain_seconds:.3f} s without distillation and "
            f"{equal.distilled_seconds:.3f} s with {equal.like}, the teacher's forward for one student included; the "
            "plain student "
            f"therefore got {counted(equal.epochs, 'epoch')} instead of {outcome.config.budget.epochs}.",
        ]
    return lines


def cost_section(outcome: Outcome) -> List[str]:
    """Seconds of training and of prediction."""
    rows = []
    for group in (outcome.main.teacher, *outcome.main.groups):
        arms = outcome.arms_of(group)
        training = [arm.trained.seconds_per_step for arm in arms]
        known = [seconds for seconds in training if seconds is not None]
        steps = arms[0].trained.steps()
        cells = ["–", "–"]
        if known and steps:
            cells = [f"{statistics.mean(known):.3f}", seconds_text(statistics.mean(known) * steps)]
        medians = [_median_seconds(arms, mirrored) for mirrored in outcome.config.inference.mirroring]
        rows.append([group_name(outcome, group), f"{steps:,}" if steps else "–", *cells, *(f"{m:.2f}" for m in medians)])
    modes = [f"s per case, {'mirrored' if mirrored else 'not mirrored'}" for mirrored in outcome.config.inference.mirroring]
    saved = _family_sentence(outcome.arms)
    return [
        "## Cost",
        "",
        "Seconds per step are those of a run of its own: batches, the teacher's forward where there is one, and the student. "
        f"Students of one seed were trained together and shared batches and teacher{saved}. Seconds per case are medians, "
        "files included. Other programs may have run beside, in training and in prediction.",
        "",
        *table(["network", "steps", "s per step", "training alone", *modes], rows),
    ]


def setting_section(outcome: Outcome) -> List[str]:
    """Data, losses, hardware, software and commands."""
    config, environment = outcome.config, outcome.environment
    hardware = environment["hardware"]
    memory = hardware.get("ram_total_bytes")
    machine = hardware["device"] if hardware["device"] != "CPU" else hardware.get("cpu_model") or "CPU"
    machine += f", {hardware['cpus_available']} CPUs" + (f", {memory / 1024**3:.0f} GiB" if memory else "")
    versions = ", ".join(f"{name} {version}" for name, version in environment["software"].items())
    budget = config.budget
    batch = f"batch {budget.batch_size}" if budget.batch_size else "the plans' batch size"
    split = outcome.split
    losses = [[name, _losses(settings)] for name, settings in _all_methods(outcome).items()]
    return [
        "## How",
        "",
        f"- Data: {_dataset(outcome)}, configuration {config.configuration}, plans {config.plans}; "
        f"{counted(len(split.train), 'case')} for training, {len(split.validation)} for inner validation (fold {config.fold}), "
        f"{len(split.test)} for the test.",
        *_unlabelled(outcome),
        f"- Split: sha256 {split.sha256}.",
        f"- Teacher: {_teacher(outcome)}",
        f"- Budget: {counted(budget.epochs, 'epoch')} of {counted(budget.iterations, 'step')}, {batch}, "
        f"{OPTIMIZERS[budget.optimizer]} from {budget.initial_rate:g}, "
        f"precision {_precision(outcome)}, {counted(environment['threads'], 'thread')}.",
        f"- Prediction: {PREDICTORS[config.inference.predictor]}.",
        "- Metrics: kdseg_training.metrics; surfaces are area-weighted surface elements; a missed structure counts as "
        "Dice 0, NSD 0 and the "
        "diagonal of the image.",
        f"- Hardware: {machine}, {hardware['system'].split()[0]}.",
        f"- Software: {versions}.",
        f"- Settings: sha256 {config.digest()}.",
        "",
        *table(["method", "losses"], losses),
        "",
        "Commands:",
        "",
        "```sh",
        f"nnUNetv2_plan_and_preprocess -d {_dataset(outcome)} -c {config.configuration}",
        environment["command"],
        "```",
    ]


def _unlabelled(outcome: Outcome) -> List[str]:
    wanted = outcome.config.unlabelled
    if wanted is None:
        return []
    return [
        f"- Unlabelled: {len(outcome.unlabelled)} scans, {100 * wanted.share:.0f} % of each batch of a distilled student; "
        "plain ones see the labelled part of the same batches alone.",
    ]


def _all_methods(outcome: Outcome) -> Mapping[str, MethodSettings]:
    wanted = outcome.config.combination
    return {**outcome.config.methods, **({} if wanted is None else wanted.candidates)}


def _losses(settings: MethodSettings) -> str:
    parts = []
    for spec in settings.specs:
        changed = spec.model_dump(exclude_defaults=True, exclude={"kind", "name", "weight", "schedule"})
        words = [f"weight {spec.weight:g}", *(f"{key} {value}" for key, value in changed.items())]
        if spec.schedule.kind != "constant":
            words.append(f"{spec.schedule.kind} over {100 * spec.schedule.share:.0f} %")
        parts.append(f"{spec.kind} ({', '.join(words)})")
    return " + ".join(parts)


def _dataset(outcome: Outcome) -> str:
    return str(_first_report(outcome).get("settings", {}).get("dataset", outcome.config.dataset))


def _precision(outcome: Outcome) -> str:
    return str(_first_report(outcome).get("settings", {}).get("precision", outcome.config.precision))


def _first_report(outcome: Outcome) -> Mapping[str, Any]:
    return next((arm.trained.report for arm in outcome.arms if arm.trained.report), {})


def _teacher(outcome: Outcome) -> str:
    wanted, first = outcome.config.teacher, outcome.arms[0]
    if wanted.model_folder is None:
        origin = f"trained by the same trainer with the same budget, seed {wanted.seed}"
    elif wanted.require_same_budget:
        origin = "given; its checkpoint says that it had the same budget"
    else:
        steps = first.trained.steps()
        trained = f", after {counted(steps, 'step')}" if steps else ""
        origin = f"given{trained}; **its budget was not compared**"
    where = " of whole scans, computed once" if wanted.soft_labels is not None else ""
    mirrored = ", the mean over the mirrored copies" if wanted.mirroring else ""
    teaches = f" Students learn from its answers{where}{mirrored}." if where or mirrored else ""
    return f"{origin}; checkpoint sha256 {first.checkpoint_sha256}.{teaches}"


def _median_seconds(arms: Sequence[ArmOutcome], mirrored: bool) -> float:
    return statistics.median(seconds for arm in arms for seconds in arm.test[mirrored].seconds)


def _family_sentence(arms: Sequence[ArmOutcome]) -> str:
    """Say what sharing saved, from the run with the most students."""
    costs = [arm.trained.report.get("cost_of_this_process", {}) for arm in arms]
    best: Optional[Mapping[str, Any]] = max(costs, key=lambda cost: len(cost.get("seconds", {})), default=None)
    if not best or not best.get("separate") or len(best.get("seconds", {})) < 4:
        return ""
    share = best["together"] / best["separate"]
    students = len(set(best["seconds"]) - {"data", "teacher"})
    return f"; for the largest such run, {students} students, that took {100 * share:.0f} % of the time of runs of their own"
