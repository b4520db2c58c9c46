"""The picture of an error: three planes through its place, with the outlines of both masks."""

from __future__ import annotations

import io
from typing import Any, List, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from kdseg.geometry import Geometry
from kdseg.picture.contours import outlines
from kdseg.picture.panels import Layout, draw_letters, draw_scale_bar, grey_panel, grey_window
from kdseg.picture.planes import Box, PlaneView, planes_at, to_anatomical

REFERENCE_COLOUR = (86, 180, 233)
PREDICTION_COLOUR = (230, 159, 0)
"""Blue and orange of Okabe and Ito; the prediction is dashed, too."""

WIDTH_PX = 1080
"""Width of a picture."""

MARGIN_MM = 12.0
"""Shown around the two masks."""

WIDEST_MM = 160.0
"""Of larger structures the part around the place is shown."""

_REFERENCE, _PREDICTION, _OTHERS, _PLACE = 1, 2, 4, 8
_SUPERSAMPLING = 3
_LINE_PX = 2.2
_DASH_PX, _GAP_PX = 9.0, 6.0
_TALLEST = 0.6
_BACKGROUND = (13, 16, 22)
_SHADOW = (150, 158, 170)

Mask = npt.NDArray[np.bool_]
Index = Tuple[int, int, int]


def draw_error(
    prediction: Mask,
    reference: Mask,
    geometry: Geometry,
    place: Index,
    *,
    image: Optional[npt.NDArray[Any]] = None,
    others: Optional[Mask] = None,
) -> bytes:
    """Return axial, coronal and sagittal planes through a place, as PNG.

    The planes are along the anatomical axes nearest to the grid, in radiological convention, at one scale.

    Parameters
    ----------
    prediction, reference
        Masks of the structure, shape (z, y, x); at least one holds voxels.
    geometry
        Their grid.
    place
        Array index (z, y, x) of the voxel that the planes go through.
    image
        Of the same shape, shown below; without one, the other structures are shown in grey.
    others
        Voxels of the reference's other structures.
    """
    box = _field_of_view(prediction | reference, geometry, place)
    part = tuple(slice(*limits) for limits in box)
    flags = reference[part] * np.uint8(_REFERENCE) | prediction[part] * np.uint8(_PREDICTION)
    if others is not None:
        flags |= others[part] * np.uint8(_OTHERS)
    flags[tuple(index - start for index, (start, _) in zip(place, box))] |= np.uint8(_PLACE)
    below = 0.3 * ((flags & _OTHERS) > 0).astype(np.float32) if image is None else image[part]
    view = to_anatomical(below, flags, geometry)
    z, y, x = (int(value) for value in np.argwhere(view.labels & _PLACE)[0])
    depth, height, width = view.labels.shape
    planes = planes_at(view, (z, y, x), ((0, depth), (0, height), (0, width)))
    window = (0.0, 1.0) if image is None else grey_window(planes)
    whole = (view.labels & _REFERENCE) > 0
    seen = [np.asarray(whole.any(axis=axis)) for axis in range(3)]
    shadows = [seen[0], seen[1][::-1], seen[2][::-1]]
    buffer = io.BytesIO()
    _side_by_side(planes, shadows, window).save(buffer, format="PNG")
    return buffer.getvalue()


def _field_of_view(either: Mask, geometry: Geometry, place: Index) -> Box:
    """Return the box around both masks with a margin; along axes where it is too long, the part around the place."""
    limits = []
    for axis, (index, size, spacing_mm) in enumerate(zip(place, either.shape, geometry.spacing_mm[::-1])):
        others = tuple(other for other in range(3) if other != axis)
        hits = np.flatnonzero(either.any(axis=others))
        margin = int(np.ceil(MARGIN_MM / spacing_mm))
        reach = int(WIDEST_MM / spacing_mm / 2)
        first, last = max(int(hits[0]) - margin, index - reach), min(int(hits[-1]) + margin, index + reach)
        limits.append((max(0, first), min(size, last + 1)))
    return limits[0], limits[1], limits[2]


def _side_by_side(planes: Sequence[PlaneView], shadows: Sequence[Mask], window: Tuple[float, float]) -> Image.Image:
    layout = Layout(WIDTH_PX)
    free = layout.width - (len(planes) - 1) * layout.gap
    widths_mm, heights_mm = [p.size_mm[1] for p in planes], [p.size_mm[0] for p in planes]
    scale = min(free / sum(widths_mm), _TALLEST * layout.width / max(heights_mm))
    tallest = max(1, round(max(heights_mm) * scale))
    panels = [
        _panel(plane, shadow, window, scale=scale, tallest=tallest, layout=layout) for plane, shadow in zip(planes, shadows)
    ]
    canvas = Image.new("RGB", (sum(p.width for p in panels) + (len(panels) - 1) * layout.gap, tallest), (255, 255, 255))
    left = 0
    for panel in panels:
        canvas.paste(panel, (left, 0))
        left += panel.width + layout.gap
    return canvas


def _panel(
    plane: PlaneView, shadow: Mask, window: Tuple[float, float], *, scale: float, tallest: int, layout: Layout
) -> Image.Image:
    """Draw one plane; where it does not meet the reference, the outline of the whole reference seen from there instead."""
    height, width = (max(1, round(size * scale)) for size in plane.size_mm)
    drawn = grey_panel(plane, window, (width, height))
    lines = Image.new("RGBA", (width * _SUPERSAMPLING, height * _SUPERSAMPLING))
    pen = ImageDraw.Draw(lines)
    reference, prediction = ((plane.labels & flag) > 0 for flag in (_REFERENCE, _PREDICTION))
    to_pixels = np.array([lines.height / plane.labels.shape[0], lines.width / plane.labels.shape[1]])
    if not reference.any():
        for outline in outlines(shadow):
            pen.line([(c, r) for r, c in _closed(outline * to_pixels).tolist()], fill=(*_SHADOW, 255), width=_SUPERSAMPLING)
    for outline in outlines(reference):
        _line(pen, _closed(outline * to_pixels), REFERENCE_COLOUR)
    for outline in outlines(prediction):
        for dash in _dashes(_closed(outline * to_pixels)):
            _line(pen, dash, PREDICTION_COLOUR)
    result = drawn.convert("RGBA")
    result.alpha_composite(lines.resize(result.size, Image.Resampling.BOX))
    row, column = ((index + 0.5) * step / _SUPERSAMPLING for index, step in zip(_place_of(plane), to_pixels))
    _cross(ImageDraw.Draw(result), row, column)
    panel = Image.new("RGB", (width, tallest), _BACKGROUND)
    panel.paste(result.convert("RGB"), (0, (tallest - height) // 2))
    draw_letters(panel, plane, layout)
    draw_scale_bar(panel, scale, layout)
    return panel


def _place_of(plane: PlaneView) -> Tuple[int, int]:
    row, column = np.argwhere(plane.labels & _PLACE)[0].tolist()
    return row, column


def _closed(outline: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.concatenate([outline, outline[:1]])


def _dashes(points: npt.NDArray[np.float64]) -> List[npt.NDArray[np.float64]]:
    """Cut a line of pixels (row, column) into dashes of one length."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    dash, period = _DASH_PX * _SUPERSAMPLING, (_DASH_PX + _GAP_PX) * _SUPERSAMPLING
    found = []
    for start in np.arange(0.0, along[-1], period):
        inside = along[(along > start) & (along < start + dash)]
        where = np.concatenate([[start], inside, [min(start + dash, along[-1])]])
        found.append(np.stack([np.interp(where, along, points[:, axis]) for axis in range(2)], axis=1))
    return found


def _line(pen: ImageDraw.ImageDraw, points: npt.NDArray[np.float64], colour: Tuple[int, int, int]) -> None:
    path = [(float(column), float(row)) for row, column in points]
    pen.line(path, fill=(0, 0, 0, 200), width=round((_LINE_PX + 1.6) * _SUPERSAMPLING), joint="curve")
    pen.line(path, fill=(*colour, 255), width=round(_LINE_PX * _SUPERSAMPLING), joint="curve")


def _cross(pen: ImageDraw.ImageDraw, row: float, column: float) -> None:
    """Draw four strokes that point at a place and leave it free."""
    near, far = 9, 24
    for down, right in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        ends = [(column + right * near, row + down * near), (column + right * far, row + down * far)]
        pen.line(ends, fill=(0, 0, 0), width=5)
        pen.line(ends, fill=(255, 255, 255), width=2)
