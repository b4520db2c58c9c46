"""The whole picture: three planes side by side, a legend underneath."""

from __future__ import annotations

import io
from typing import Any, Sequence, Tuple

import numpy.typing as npt
from PIL import Image, ImageDraw

from kdseg.errors import GeometryError
from kdseg.geometry import Geometry
from kdseg.picture.contours import draw_structures
from kdseg.picture.legend import draw_legend, legend_rows
from kdseg.picture.panels import TEXT, Layout, draw_letters, draw_scale_bar, grey_panel, grey_window
from kdseg.picture.planes import PlaneView, cut_planes, to_anatomical
from kdseg.segmentation import Segmentation

BACKGROUND = (13, 16, 22)
DIM_TEXT = (138, 148, 164)
_TALLEST_PANEL = 0.62  # of the picture's width


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
    layout = Layout(width_px)
    planes = cut_planes(to_anatomical(image, segmentation.labels, geometry))
    window = grey_window(planes)
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


def _pixels_per_mm(planes: Sequence[PlaneView], layout: Layout) -> float:
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
    layout: Layout,
) -> Image.Image:
    """Draw one plane in a black frame that is as high as those of its neighbours."""
    height, width = (max(1, int(size * scale)) for size in plane.size_mm)
    base = grey_panel(plane, window, (width, height))
    line_width = max(1.2, layout.width * 0.0016)
    panel = Image.new("RGB", (width, tallest))
    panel.paste(draw_structures(base, plane.labels, segmentation.entries, line_width), (0, (tallest - height) // 2))
    draw_letters(panel, plane, layout)
    draw_scale_bar(panel, scale, layout)
    return panel


def _header_height(title: str, layout: Layout) -> int:
    return layout.margin + (round(layout.width * 0.027) if title else 0)


def _draw_header(canvas: Image.Image, title: str, subtitle: str, layout: Layout) -> None:
    if not title:
        return
    pen = ImageDraw.Draw(canvas)
    baseline = layout.margin + round(layout.width * 0.011)
    large, small = layout.font(0.0165), layout.font(0.0115)
    pen.text((layout.margin, baseline), title, font=large, anchor="ls", fill=TEXT)
    pen.text((canvas.width - layout.margin, baseline), subtitle, font=small, anchor="rs", fill=DIM_TEXT)
