"""Charts as SVG that shows the reader's own fonts; colours that colour-blind readers can tell apart, never colour alone."""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable, Iterator, Tuple

from kdseg_training.evaluation.report.markup import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8a6d00")
"""Okabe and Ito's palette, for models in their order."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""Beside the colour, the shape tells models apart."""

MOST_POINTS = 4000
"""Charts with more points keep them as a picture inside, so that the page stays small."""

LONGEST_NAME = 30
"""Characters of a name in a chart; the tables have all."""

_OWN_FONT = "'DejaVu Sans'"
_FONTS = "'DejaVu Sans', Verdana, Arial, sans-serif"
_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "kdseg",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dfe3e8",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
}


def short(text: str) -> str:
    """Return a name as it fits into a chart."""
    shown = plain(text)
    return shown if len(shown) <= LONGEST_NAME else shown[: LONGEST_NAME - 1] + "…"


def style_of(place: int) -> Tuple[str, str]:
    """Return colour and marker of the model at a place."""
    return COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]


def legend(figure: Figure, axes: Axes) -> None:
    """Put the models' names below a chart, as many side by side as there is room for."""
    handles, names = axes.get_legend_handles_labels()
    columns = max(1, min(len(names), 95 // (8 + max(map(len, names)))))
    figure.legend(handles, names, loc="outside lower left", ncols=columns)


def svg(size_inches: Tuple[float, float], draw: Callable[[Figure], None]) -> bytes:
    """Return the chart that ``draw`` makes, the same bytes for the same chart.

    Names are shown as they are, also where they look like formulas.
    """
    from matplotlib.figure import Figure

    buffer = io.BytesIO()
    with _settings():
        figure = Figure(figsize=size_inches, layout="constrained")
        draw(figure)
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, dpi=150)
    return buffer.getvalue().decode("utf-8", "replace").replace(_OWN_FONT, _FONTS).encode("utf-8")


@contextmanager
def _settings() -> Iterator[None]:
    import matplotlib

    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # the reader's fonts have what this one lacks
        yield
