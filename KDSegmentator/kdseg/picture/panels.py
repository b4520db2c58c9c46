"""What every panel of a picture has: grey levels, letters for the sides of the patient, a scale bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Sequence, Tuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kdseg.picture.planes import PlaneView

WINDOW_PERCENTILES = (2.0, 99.2)
"""Grey levels run between these percentiles of the tissue that is shown."""

TEXT = (232, 236, 243)
"""Colour of all writing."""

_SCALE_BARS_MM = (1, 2, 5, 10, 20, 50, 100, 200)


@dataclass(frozen=True)
class Layout:
    """Sizes in pixels, all from the width of the picture."""

    width: int

    @property
    def margin(self) -> int:
        """Space around everything."""
        return round(self.width * 0.02)

    @property
    def gap(self) -> int:
        """Space between panels."""
        return round(self.width * 0.0125)

    def font(self, share: float) -> Any:
        """Return a font whose size is a share of the width."""
        return ImageFont.load_default(size=max(9.0, self.width * share))


def grey_window(planes: Sequence[PlaneView]) -> Tuple[float, float]:
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


def grey_panel(plane: PlaneView, window: Tuple[float, float], size_px: Tuple[int, int]) -> Image.Image:
    """Return the image of a plane in grey, enlarged to ``size_px`` (width, height), of mode RGB."""
    low, high = window
    grey = np.clip((plane.image.astype(np.float32) - low) / (high - low), 0.0, 1.0)
    enlarged = np.asarray(Image.fromarray(grey).resize(size_px, Image.Resampling.BICUBIC))
    tone = np.clip(enlarged, 0.0, 1.0) ** 0.9 * 235.0
    return Image.fromarray(np.repeat(tone.astype(np.uint8)[..., None], 3, axis=2))


def draw_letters(panel: Image.Image, plane: PlaneView, layout: Layout) -> None:
    """Write the name of the plane and what lies to its four sides."""
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


def draw_scale_bar(panel: Image.Image, scale: float, layout: Layout) -> None:
    """Draw a scale bar at the lower right, for ``scale`` pixels per mm."""
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
