"""The legend: a chip of colour, the name and the volume of each structure, in columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, List, Sequence, Tuple

import numpy as np
from PIL import Image, ImageDraw

from kdseg.picture.planes import PlaneView
from kdseg.segmentation import Segmentation

MOST_ROWS = 60
"""Structures that the legend names; of more only the largest are named."""

_TEXT = (232, 236, 243)
_DIM = (138, 148, 164)
Color = Tuple[int, int, int]


@dataclass(frozen=True)
class LegendRow:
    """One line of the legend; without a colour it is a remark."""

    name: str
    value: str
    color: Any = None


def legend_rows(segmentation: Segmentation, planes: Sequence[PlaneView]) -> List[LegendRow]:
    """List the structures that were found, those seen in the picture first, and name what was not found.

    Parameters
    ----------
    segmentation
        Gives names, colours and volumes.
    planes
        The planes of the picture.
    """
    volumes = segmentation.volumes_ml()
    seen = {int(v) for plane in planes for v in np.unique(plane.labels)}
    found = [e for e in segmentation.entries if volumes[e.name] > 0]
    if len(found) > MOST_ROWS:
        found.sort(key=lambda e: (e.value not in seen, -volumes[e.name]))
    rows = [LegendRow(e.name, format_ml(volumes[e.name]), e.color) for e in found[:MOST_ROWS]]
    more, missing = len(found) - len(rows), len(segmentation.entries) - len(found)
    if more > 0:
        rows.append(LegendRow(f"and {more} more", ""))
    if missing:
        rows.append(LegendRow(f"{missing} not found", ""))
    return rows


def format_ml(volume_ml: float) -> str:
    """Write a volume with three significant digits and its unit."""
    digits = 0 if volume_ml >= 100 else 1 if volume_ml >= 10 else 2
    return f"{volume_ml:,.{digits}f} ml"


def draw_legend(rows: Sequence[LegendRow], width: int, font: Any, background: Color) -> Image.Image:
    """Draw the legend into an image of the given width, in as many equal columns as fit.

    Parameters
    ----------
    rows
        What to write.
    width
        Width in pixels.
    font
        Pillow font.
    background
        Colour behind it.
    """
    line = round(font.size * 1.75)
    chip, pad = round(font.size * 0.85), round(font.size * 0.6)
    widest_value = max((font.getlength(r.value) for r in rows), default=0.0)
    widest_name = max((font.getlength(r.name) for r in rows), default=0.0)
    column = min(width, math.ceil(chip + 2 * pad + widest_name + pad + widest_value + 3 * pad))
    columns = max(1, min(len(rows), width // column))
    if len(rows) > columns:
        column = width // columns
    lines = math.ceil(len(rows) / columns)
    canvas = Image.new("RGB", (width, max(1, lines * line)), background)
    pen = ImageDraw.Draw(canvas)
    for index, row in enumerate(rows):
        left, top = (index // lines) * column, (index % lines) * line
        middle = top + line / 2
        if row.color is not None:
            pen.rounded_rectangle((left, middle - chip / 2, left + chip, middle + chip / 2), chip // 4, fill=row.color)
        name = _shortened(row.name, column - chip - 5 * pad - widest_value, font)
        pen.text((left + chip + pad, middle), name, font=font, anchor="lm", fill=_TEXT if row.color else _DIM)
        pen.text((left + column - 3 * pad, middle), row.value, font=font, anchor="rm", fill=_DIM)
    return canvas


def _shortened(text: str, room: float, font: Any) -> str:
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(text + "...") > room:
        text = text[:-1]
    return text + "..."
