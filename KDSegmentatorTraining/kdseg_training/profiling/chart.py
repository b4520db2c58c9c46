"""Quality against latency as a picture, with the Pareto front."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, List, Sequence

from kdseg.atomic import atomic_path
from kdseg.errors import InstallationError, PathLike
from kdseg.wording import counted
from kdseg_training.profiling.card import bytes_text
from kdseg_training.profiling.points import ChartPoint, chart_points, same_basis
from kdseg_training.profiling.results import Profile
from kdseg_training.profiling.subjects import SubjectKind

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS_PER_INCH = 120
STUDENT_COLOUR, TEACHER_COLOUR, FRONT_COLOUR = "#0072B2", "#D55E00", "#555555"
"""From the palette of Okabe and Ito, which people with colour blindness tell apart; markers differ, too."""


def draw_chart(profile: Profile, path: PathLike) -> None:
    """Write the chart as PNG: quality against latency, or latency alone where no quality is known.

    Raises
    ------
    InstallationError
        If matplotlib is not installed.
    OutputError
        If the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InstallationError("The chart needs matplotlib.", found=str(error), remedy="pip install matplotlib") from error
    points = chart_points(profile)
    figure = Figure(figsize=(8, 5), layout="constrained")
    FigureCanvasAgg(figure)
    known = [point for point in points if point.quality is not None]
    if known:
        _draw_quality(figure, known)
    else:
        _draw_latency(figure, points)
    _describe(figure, profile, points)
    with atomic_path(Path(path)) as temporary:
        figure.savefig(temporary, dpi=DOTS_PER_INCH)


def _draw_quality(figure: Figure, points: Sequence[ChartPoint]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes: Any = figure.add_subplot()
    front = sorted((p for p in points if p.on_front), key=lambda p: p.seconds)
    if len(front) > 1:
        seconds, quality = [p.seconds for p in front], [p.quality for p in front]
        axes.step(seconds, quality, where="post", color=FRONT_COLOUR, linewidth=1, linestyle="--", label="Pareto front")
    for kind, marker, colour, name in (
        (SubjectKind.STUDENT, "o", STUDENT_COLOUR, "students (kdseg)"),
        (SubjectKind.NNUNET, "s", TEACHER_COLOUR, "stock nnU-Net"),
    ):
        chosen = [p for p in points if p.kind is kind]
        if chosen:
            axes.errorbar(
                [p.seconds for p in chosen],
                [p.quality for p in chosen],
                xerr=[_below(chosen), _above(chosen)],
                fmt=marker,
                color=colour,
                capsize=3,
                markersize=8,
                label=name,
            )
    right = max(p.seconds for p in points) / max(1e-9, min(p.seconds for p in points)) > 3
    middle = (max(p.seconds for p in points) * min(p.seconds for p in points)) ** 0.5
    for point in points:
        left = right and point.seconds > middle
        axes.annotate(
            f"{point.key}\n{bytes_text(point.peak_rss_bytes)}, {point.parameters / 1e6:.3g} M parameters",
            (point.seconds, point.quality),
            xytext=(-8 if left else 8, -4),
            textcoords="offset points",
            ha="right" if left else "left",
            va="top",
            fontsize=8,
        )
    if right:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _place: f"{seconds:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.25, y=0.3)
    interval = " with 95 % interval" if any(p.seconds_low is not None for p in points) else ""
    axes.set_xlabel(f"seconds for the volume, median{interval}")
    axes.set_ylabel("mean Dice")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="upper left")


def _draw_latency(figure: Figure, points: Sequence[ChartPoint]) -> None:
    axes: Any = figure.add_subplot()
    places = list(range(len(points)))
    axes.barh(places, [p.seconds for p in points], color=[_colour(p) for p in points], height=0.6)
    axes.set_yticks(places, [f"{p.key}\n{bytes_text(p.peak_rss_bytes)}" for p in points], fontsize=8)
    axes.invert_yaxis()
    for place, point in zip(places, points):
        axes.annotate(f" {point.seconds:.3g} s", (point.seconds, place), va="center", fontsize=8)
    axes.margins(x=0.15)
    axes.set_xlabel("seconds for the volume, median; the quality of these subjects is unknown")
    axes.grid(alpha=0.3, axis="x")


def _describe(figure: Figure, profile: Profile, points: Sequence[ChartPoint]) -> None:
    size = " × ".join(str(n) for n in profile.volume.shape_zyx)
    threads = counted(profile.settings.threads[0], "thread")
    cpu = profile.hardware.get("cpu_model") or profile.hardware.get("machine")
    figure.suptitle(f"{size} voxels, {threads}, {cpu}", fontsize=10)
    notes: List[str] = []
    if not same_basis(points):
        notes.append("The qualities were not all measured on the same cases.")
    unknown = [p.key for p in points if p.quality is None]
    if unknown and len(unknown) < len(points):
        notes.append(f"Not shown, quality unknown: {', '.join(unknown)}.")
    if notes:
        figure.supxlabel(" ".join(notes), fontsize=7)


def _below(points: Sequence[ChartPoint]) -> List[float]:
    return [0.0 if p.seconds_low is None else p.seconds - p.seconds_low for p in points]


def _above(points: Sequence[ChartPoint]) -> List[float]:
    return [0.0 if p.seconds_high is None else p.seconds_high - p.seconds for p in points]


def _colour(point: ChartPoint) -> str:
    return STUDENT_COLOUR if point.kind is SubjectKind.STUDENT else TEACHER_COLOUR
