"""Curves and points as PNG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List

from kdseg.atomic import atomic_path
from kdseg_training.distillation.study.measurement import METRICS
from kdseg_training.distillation.study.outcome import ArmOutcome, Outcome
from kdseg_training.distillation.study.report.tables import method_name, metric_name, width_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS_PER_INCH = 110


def draw_figures(outcome: Outcome, folder: Path) -> List[Path]:
    """Draw the training curves of every width, and quality against size; return the files in the order of the report."""
    colours = _colours(outcome)
    paths = [_draw_quality(outcome, colours, folder / "quality.png")]
    for factor in dict.fromkeys(group.factor for group in outcome.main.groups):
        arms = [arm for arm in outcome.arms if arm.trained.arm.factor == factor or arm.trained.arm.is_teacher]
        title = f"Students {width_name(factor)}"
        paths.append(_draw_curves(arms, colours, title, folder / f"curves_x{factor:g}.png"))
    return paths


def _colours(outcome: Outcome) -> Dict[Any, str]:
    """Return one colour for each method, the same in every figure: black is the teacher."""
    methods = [arm.trained.arm.method for arm in outcome.arms if not arm.trained.arm.is_teacher]
    teachers = {arm.trained.arm.method: "black" for arm in outcome.arms if arm.trained.arm.is_teacher}
    return {**{method: f"C{place % 10}" for place, method in enumerate(dict.fromkeys(methods))}, **teachers}


def _draw_curves(arms: List[ArmOutcome], colours: Dict[Any, str], title: str, path: Path) -> Path:
    figure = _figure((9, 7))
    loss, dice = figure.subplots(2, 1, sharex=True)
    named = set()
    for outcome in arms:
        arm, history = outcome.trained.arm, outcome.trained.history()
        if not history:
            continue
        colour = colours[arm.method]
        label = None if arm.method in named else method_name(arm.method)
        named.add(arm.method)
        steps = [row["step"] for row in history]
        loss.plot(steps, [row["loss_segmentation"] for row in history], color=colour, linewidth=1, label=label)
        dice.plot(steps, [row["pseudo_dice_mean"] for row in history], color=colour, linewidth=1, label=label)
    loss.set_ylabel("segmentation loss, training")
    dice.set_ylabel("pseudo Dice, inner validation")
    dice.set_xlabel("step")
    for axes in (loss, dice):
        axes.grid(alpha=0.3)
    dice.legend(fontsize="small")
    figure.suptitle(f"{title}; one line for each seed")
    return _save(figure, path)


def _draw_quality(outcome: Outcome, colours: Dict[Any, str], path: Path) -> Path:
    figure = _figure((11, 4.4))
    analysis = outcome.main
    methods = list(dict.fromkeys(group.method for group in analysis.groups))
    factors = sorted({group.factor for group in analysis.groups})
    names = [f"{width_name(factor)}\n{_parameters(outcome, factor):,}" for factor in factors]
    offsets = [0.6 * ((place + 0.5) / len(methods) - 0.5) for place in range(len(methods))]
    for axes, metric in zip(figure.subplots(1, len(METRICS)), METRICS, strict=True):
        teacher = analysis.of(analysis.teacher).quality[metric].macro
        axes.axhline(teacher.estimate, color="black", linewidth=1, label="teacher")
        axes.axhspan(teacher.low, teacher.high, color="black", alpha=0.08)
        for place, method in enumerate(methods):
            groups = [group for group in analysis.groups if group.method == method]
            values = [analysis.of(group).quality[metric].macro for group in groups]
            places = [factors.index(group.factor) + offsets[place] for group in groups]
            errors = [[max(0.0, v.estimate - v.low) for v in values], [max(0.0, v.high - v.estimate) for v in values]]
            look = {"fmt": "o", "markersize": 4, "linewidth": 1, "color": colours[method], "label": method_name(method)}
            axes.errorbar(places, [v.estimate for v in values], errors, **look)
        axes.set_xticks(range(len(factors)), names)
        axes.set_xlim(-0.5, len(factors) - 0.5)
        axes.set_title(metric_name(outcome.config, metric))
        axes.grid(alpha=0.3)
        axes.set_xlabel("parameters")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize="small")
    return _save(figure, path)


def _parameters(outcome: Outcome, factor: float) -> int:
    return next(arm.parameters for arm in outcome.arms if arm.trained.arm.factor == factor and not arm.trained.arm.is_teacher)


def _figure(size: tuple[float, float]) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained")


def _save(figure: Figure, path: Path) -> Path:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(DOTS_PER_INCH)
    with atomic_path(path) as temporary:
        FigureCanvasAgg(figure).print_png(str(temporary))  # type: ignore[no-untyped-call]
    return path
