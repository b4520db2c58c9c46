"""The whole picture: three planes side by side, a legend underneath."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Sequence, Tuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from kdseg.errors import GeometryError
from kdseg.geometry import Geometry
from kdseg.picture.contours import draw_structures
from kdseg.picture.legend import draw_legend, legend_rows
from kdseg.picture.planes import PlaneView, cut_planes, to_anatomical
from kdseg.segmentation import Segmentation

WINDOW_PERCENTILES = (2.0, 99.2)
"""Grey levels run between these percentiles of the tissue that is shown."""

BACKGROUND = (13, 16, 22)
TEXT = (232, 236, 243)
DIM_TEXT = (138, 148, 164)
_SCALE_BARS_MM = (1, 2, 5, 10, 20, 50, 100, 200)
_TALLEST_PANEL = 0.62  # of the picture's width


@dataclass(frozen=True)
class _Layout:
    """Sizes in pixels, all from the width of the picture."""

    width: int

    @property
    def margin(self) -> int:
        return round(self.width * 0.02)

    @property
    def gap(self) -> int:
        return round(self.width * 0.0125)

    def font(self, share: float) -> Any:
        return ImageFont.load_default(size=max(9.0, self.width * share))


def draw_overview(
    image: npt.NDArray[Any],
    geometry: Geometry,
    segmentation: Segmentation,
    *,
    title: str = "",
    subtitle: str = "",
    width_px: int = 1600,
) -> Image.Image:
    """Draw axial, coronal and sagittal planes through the segmentation, with contours, legend and scale bar.

    The planes are shown in radiological convention (the patient's right on the left), along the anatomical axes nearest to
    the grid, all at one scale and with their true proportions.

    Parameters
    ----------
    image
        One channel, array of shape (z, y, x).
    geometry
        Its grid.
    segmentation
        Labels on the same grid.
    title, subtitle
        Text above the planes; must not hold anything about the patient.
    width_px
        Width of the picture in pixels.

    Raises
    ------
    GeometryError
        If image, labels and geometry do not have the same shape.
    """
    if not image.shape == segmentation.labels.shape == geometry.shape:
        raise GeometryError(
            "Image and segmentation do not lie on one grid, so no picture can be drawn.",
            expected=f"shape {geometry.shape}",
            found=f"image {image.shape}, labels {segmentation.labels.shape}",
        )
    layout = _Layout(width_px)
    planes = cut_planes(to_anatomical(image, segmentation.labels, geometry))
    window = _window(planes)
    scale = _pixels_per_mm(planes, layout)
    tallest = max(1, int(max(p.size_mm[0] for p in planes) * scale))
    panels = [_draw_panel(plane, segmentation, window, scale=scale, tallest=tallest, layout=layout) for plane in planes]
    header = _header_height(title, layout)
    rows = legend_rows(segmentation, planes)
    legend = draw_legend(rows, width_px - 2 * layout.margin, layout.font(0.0125), BACKGROUND)
    height = header + tallest + layout.gap + legend.height + layout.margin
    canvas = Image.new("RGB", (width_px, height), BACKGROUND)
    _draw_header(canvas, title, subtitle, layout)
    spare = width_px - 2 * layout.margin - 2 * layout.gap - sum(p.width for p in panels)
    left = layout.margin + spare // 2
    for panel in panels:
        canvas.paste(panel, (left, header))
        left += panel.width + layout.gap
    canvas.paste(legend, (layout.margin, height - layout.margin - legend.height))
    return canvas


def to_png(picture: Image.Image) -> bytes:
    """Encode a picture as PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()


def _window(planes: Sequence[PlaneView]) -> Tuple[float, float]:
    """Choose the grey window from the tissue around the structures, leaving out an empty background such as air."""
    shown = np.concatenate([p.image.ravel() for p in planes]).astype(np.float64)
    lowest, highest = np.percentile(shown, (0.5, 99.8))
    tissue = shown[shown > lowest + 0.04 * (highest - lowest)]
    inside = np.concatenate([p.image[p.labels > 0] for p in planes]).astype(np.float64)
    low, high = np.percentile(tissue if tissue.size else shown, WINDOW_PERCENTILES)
    if inside.size:  # a structure must never be all black or all white
        seen = np.percentile(inside, (2.0, 98.0))
        low, high = min(low, seen[0]), max(high, seen[1])
    return float(low), float(high) if high > low else float(low) + 1.0


def _pixels_per_mm(planes: Sequence[PlaneView], layout: _Layout) -> float:
    """Return the largest scale at which the three planes fit side by side."""
    free_width = layout.width - 2 * layout.margin - 2 * layout.gap
    total_width_mm = sum(p.size_mm[1] for p in planes)
    tallest_mm = max(p.size_mm[0] for p in planes)
    return min(free_width / total_width_mm, _TALLEST_PANEL * layout.width / tallest_mm)


def _draw_panel(
    plane: PlaneView,
    segmentation: Segmentation,
    window: Tuple[float, float],
    *,
    scale: float,
    tallest: int,
    layout: _Layout,
) -> Image.Image:
    """Draw one plane in a black frame that is as high as those of its neighbours."""
    height, width = (max(1, int(size * scale)) for size in plane.size_mm)
    low, high = window
    grey = np.clip((plane.image.astype(np.float32) - low) / (high - low), 0.0, 1.0)
    enlarged = np.asarray(Image.fromarray(grey).resize((width, height), Image.Resampling.BICUBIC))
    tone = np.clip(enlarged, 0.0, 1.0) ** 0.9 * 235.0
    base = Image.fromarray(np.repeat(tone.astype(np.uint8)[..., None], 3, axis=2))
    line_width = max(1.2, layout.width * 0.0016)
    panel = Image.new("RGB", (width, tallest))
    panel.paste(draw_structures(base, plane.labels, segmentation.entries, line_width), (0, (tallest - height) // 2))
    _draw_letters(panel, plane, layout)
    _draw_scale_bar(panel, scale, layout)
    return panel


def _draw_letters(panel: Image.Image, plane: PlaneView, layout: _Layout) -> None:
    pen, font, pad = ImageDraw.Draw(panel), layout.font(0.0115), round(layout.width * 0.006)
    left, right, top, bottom = plane.letters
    middle_x, middle_y = panel.width / 2, panel.height / 2
    for text, where, anchor in (
        (left, (pad, middle_y), "lm"),
        (right, (panel.width - pad, middle_y), "rm"),
        (top, (middle_x, pad), "mt"),
        (bottom, (middle_x, panel.height - pad), "mb"),
    ):
        _shadowed(pen, where, text, font, anchor)
    _shadowed(pen, (pad, pad), plane.plane.value, font, "lt")


def _draw_scale_bar(panel: Image.Image, scale: float, layout: _Layout) -> None:
    fitting = [mm for mm in _SCALE_BARS_MM if mm * scale <= 0.3 * panel.width] or [_SCALE_BARS_MM[0]]
    length, pad = fitting[-1] * scale, round(layout.width * 0.008)
    pen = ImageDraw.Draw(panel)
    right, bottom = panel.width - pad, panel.height - pad
    thickness = max(2, round(layout.width * 0.0019))
    pen.rectangle((right - length - 1, bottom - thickness - 1, right + 1, bottom + 1), fill=(0, 0, 0))
    pen.rectangle((right - length, bottom - thickness, right, bottom), fill=TEXT)
    label = f"{fitting[-1]} mm"
    _shadowed(pen, (right, bottom - thickness - pad // 2), label, layout.font(0.009), "rb")


def _shadowed(pen: ImageDraw.ImageDraw, where: Tuple[float, float], text: str, font: Any, anchor: str) -> None:
    pen.text(where, text, font=font, anchor=anchor, fill=TEXT, stroke_width=2, stroke_fill=(0, 0, 0))


def _header_height(title: str, layout: _Layout) -> int:
    return layout.margin + (round(layout.width * 0.027) if title else 0)


def _draw_header(canvas: Image.Image, title: str, subtitle: str, layout: _Layout) -> None:
    if not title:
        return
    pen = ImageDraw.Draw(canvas)
    baseline = layout.margin + round(layout.width * 0.011)
    large, small = layout.font(0.0165), layout.font(0.0115)
    pen.text((layout.margin, baseline), title, font=large, anchor="ls", fill=TEXT)
    pen.text((canvas.width - layout.margin, baseline), subtitle, font=small, anchor="rs", fill=DIM_TEXT)
