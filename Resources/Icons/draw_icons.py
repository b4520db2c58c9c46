"""Draw the icons of the extension, and cut the thumbnail of the sample data out of the demo's picture. Needs pillow.

Usage: ``python Resources/Icons/draw_icons.py``

The sign is a drop, what is left after distilling, that holds three structures. It stands on a dark plate with a light rim (the
modules; training has bars beside it), or has a dark line inside a light one (the effect), so that it is seen on dark and on
light themes, also at 24 pixels.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import List, Sequence, Tuple

from PIL import Image, ImageChops, ImageDraw

SIZE = 128
SCALE = 8
"""Everything is drawn this much larger and then reduced, which smooths the edges."""

PLATE = (24, 44, 72, 255)
RIM = (150, 196, 224, 255)
LIGHT = (240, 247, 250, 255)
DARK = (24, 44, 72, 255)
GLASS = (214, 233, 243, 255)
STRUCTURES = ((240, 128, 80, 255), (46, 160, 140, 255), (244, 196, 72, 255))

ROOT = Path(__file__).resolve().parents[2]
MODULE_ICON = ROOT / "KDSegmentator/Resources/Icons/KDSegmentator.png"
TRAINING_ICON = ROOT / "KDSegmentatorTraining/Resources/Icons/KDSegmentatorTraining.png"
THUMBNAIL = ROOT / "KDSegmentator/Resources/Icons/KDSegmentatorBrain.png"
DEMO_PICTURE = ROOT / "Resources/Screenshots/demo.png"
AXIAL_PLANE = (85, 98, 500, 545)
"""Left, top, right and bottom of what the thumbnail shows of the demo's picture, in its pixels."""

THUMBNAIL_SIZE = (260, 280)
"""What Slicer's Sample Data module shows, in pixels."""

EFFECT_ICON = ROOT / "KDSegmentator/SegmentEditorKDSegmentatorLib/SegmentEditorEffect.png"

Point = Tuple[float, float]
Box = Tuple[float, float, float, float]


def drop(centre_x: float, tip_y: float, bottom_y: float, half_width: float) -> List[Point]:
    """Return the outline of a drop, in pixels of the finished icon: a point above, a round body below."""
    centre_y = bottom_y - half_width
    shoulder = math.radians(32)  # where the sides leave the circle
    arc = [
        (centre_x + half_width * math.cos(angle), centre_y + half_width * math.sin(angle))
        for angle in (-shoulder + (math.pi + 2 * shoulder) * step / 90 for step in range(91))
    ]
    return [(centre_x, tip_y), *arc]


class Canvas:
    """A transparent square; coordinates are pixels of the finished icon."""

    def __init__(self) -> None:
        self.image = Image.new("RGBA", (SIZE * SCALE, SIZE * SCALE), (0, 0, 0, 0))
        self.pen = ImageDraw.Draw(self.image)

    def polygon(self, points: Sequence[Point], fill: Tuple[int, ...]) -> None:
        """Fill a polygon."""
        self.pen.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=fill)

    def plate(self, box: Box, radius: float, fill: Tuple[int, ...]) -> None:
        """Fill a rectangle with round corners."""
        self.pen.rounded_rectangle([value * SCALE for value in box], radius=radius * SCALE, fill=fill)

    def ellipses_inside(self, outline: Sequence[Point], boxes: Sequence[Box], fills: Sequence[Tuple[int, ...]]) -> None:
        """Fill ellipses where they lie inside a polygon, with a thin line between them."""
        inside = Image.new("L", self.image.size, 0)
        ImageDraw.Draw(inside).polygon([(x * SCALE, y * SCALE) for x, y in outline], fill=255)
        for box, fill in zip(boxes, fills):
            for margin, color in ((2.5, LIGHT), (0.0, fill)):
                shape = Image.new("L", self.image.size, 0)
                grown = (box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin)
                ImageDraw.Draw(shape).ellipse([value * SCALE for value in grown], fill=255)
                self.image.paste(color, mask=ImageChops.multiply(shape, inside))

    def finished(self) -> Image.Image:
        """Return the icon in its final size."""
        return self.image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def filled_drop(canvas: Canvas, outline: Sequence[Point], centre_x: float, bottom_y: float, unit: float) -> None:
    """Draw the glass and its three structures; ``unit`` is half the width of the drop."""
    canvas.polygon(outline, GLASS)
    boxes = (
        (centre_x - 1.25 * unit, bottom_y - 1.30 * unit, centre_x - 0.02 * unit, bottom_y + 0.40 * unit),
        (centre_x - 0.10 * unit, bottom_y - 1.05 * unit, centre_x + 1.25 * unit, bottom_y + 0.40 * unit),
        (centre_x - 0.28 * unit, bottom_y - 1.75 * unit, centre_x + 0.42 * unit, bottom_y - 0.95 * unit),
    )
    canvas.ellipses_inside(outline, boxes, STRUCTURES)


def module_icon() -> Image.Image:
    """Return the icon of the module and of the extension."""
    canvas = Canvas()
    canvas.plate((2, 2, 126, 126), 26, RIM)
    canvas.plate((6, 6, 122, 122), 22, PLATE)
    canvas.polygon(drop(64, 10, 117, 40), LIGHT)
    filled_drop(canvas, drop(64, 20, 112, 35), 64, 112, 35)
    return canvas.finished()


def training_icon() -> Image.Image:
    """Return the icon of the module for training: the drop beside bars of a measurement."""
    canvas = Canvas()
    canvas.plate((2, 2, 126, 126), 26, RIM)
    canvas.plate((6, 6, 122, 122), 22, PLATE)
    canvas.polygon(drop(43, 14, 114, 31), LIGHT)
    filled_drop(canvas, drop(43, 22, 110, 27), 43, 110, 27)
    for index, (top, fill) in enumerate(zip((78, 50, 22), reversed(STRUCTURES))):
        left = 79 + 13 * index
        canvas.plate((left, top, left + 10, 112), 3, fill)
    return canvas.finished()


def effect_icon() -> Image.Image:
    """Return the icon of the Segment Editor effect."""
    canvas = Canvas()
    canvas.polygon(drop(64, 0, 127, 48), LIGHT)
    canvas.polygon(drop(64, 8, 123, 44), DARK)
    filled_drop(canvas, drop(64, 22, 116, 37), 64, 116, 37)
    return canvas.finished()


def thumbnail() -> Image.Image:
    """Return the picture of the sample data: both parts of a hippocampus, in an axial slice."""
    with Image.open(DEMO_PICTURE) as picture:
        return picture.convert("RGB").crop(AXIAL_PLANE).resize(THUMBNAIL_SIZE, Image.Resampling.LANCZOS)


def main() -> None:
    """Write the pictures to where the modules look for them."""
    modules = ((MODULE_ICON, module_icon()), (TRAINING_ICON, training_icon()))
    for path, image in (*modules, (EFFECT_ICON, effect_icon()), (THUMBNAIL, thumbnail())):
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, optimize=True)
        print(f"{path.relative_to(ROOT)}: {image.width}×{image.height}")


if __name__ == "__main__":
    main()
