"""Smooth outlines of the structures in one plane, drawn anti-aliased over the image."""

from __future__ import annotations

from typing import Any, List, Sequence, Tuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter1d
from skimage import measure

from kdseg.segmentation import LabelEntry

SUPERSAMPLING = 3
"""Contours are drawn this many times larger and reduced again: that is the anti-aliasing."""

LINE_WIDTH_PX = 2.4
"""Width of a contour, in pixels of the picture."""

FILL_ALPHA = 56
"""Opacity of the filled structures, of 255."""

_HALO = (6, 8, 12, 150)
_SAMPLES_PER_VOXEL = 4
_SMOOTHING_VOXELS = 1.0

Points = npt.NDArray[np.float64]


def outlines(mask: npt.NDArray[Any], inset_voxels: float = 0.0) -> List[Points]:
    """Return the closed outlines of a mask.

    Parameters
    ----------
    mask
        Boolean array of shape (row, column).
    inset_voxels
        How far the outline lies inside of the true border, 0 to 0.4 voxels, so that neighbours do not cover each other.

    Returns
    -------
    list of arrays of shape (point, 2)
        Positions (row, column) in voxels, where 0 is the outer edge of the first voxel. Holes run the other way round.
    """
    padded = np.pad(mask.astype(np.float32), 1)
    level = 0.5 + min(max(inset_voxels, 0.0), 0.4)
    find_contours: Any = measure.find_contours
    return [smooth(points - 0.5) for points in find_contours(padded, level)]


def smooth(points: Points) -> Points:
    """Smooth a closed outline along its length, nearly without shrinking it.

    Parameters
    ----------
    points
        Array of shape (point, 2), the last equal to the first, in voxels.
    """
    steps = np.hypot(*np.diff(points, axis=0).T)
    length = np.concatenate([[0.0], np.cumsum(steps)])
    count = max(16, round(float(length[-1]) * _SAMPLES_PER_VOXEL))
    where = np.linspace(0.0, length[-1], count, endpoint=False)
    even = np.stack([np.interp(where, length, points[:, axis]) for axis in range(2)], axis=1)
    sigma = min(_SMOOTHING_VOXELS * _SAMPLES_PER_VOXEL, count / 16)
    once = gaussian_filter1d(even, sigma, axis=0, mode="wrap")
    twice = gaussian_filter1d(once, sigma, axis=0, mode="wrap")
    return np.asarray(2.0 * once - twice, dtype=np.float64)


def draw_structures(
    image: Image.Image, labels: npt.NDArray[Any], entries: Sequence[LabelEntry], line_width_px: float = LINE_WIDTH_PX
) -> Image.Image:
    """Return ``image`` with every structure filled lightly and outlined in its colour.

    Parameters
    ----------
    image
        The plane, already enlarged, of mode RGB.
    labels
        Labels of the plane before it was enlarged, of shape (row, column).
    entries
        The structures to draw.
    line_width_px
        Width of the outlines, in pixels.
    """
    size = (image.width * SUPERSAMPLING, image.height * SUPERSAMPLING)
    scale = np.array([size[1] / labels.shape[0], size[0] / labels.shape[1]])
    width = max(1, round(line_width_px * SUPERSAMPLING))
    inset = 0.5 * width / float(scale.min())
    present = set(np.unique(labels).tolist())
    shapes = [(e, [o * scale for o in outlines(labels == e.value, inset)]) for e in entries if e.value in present]
    fills, lines = Image.new("RGBA", size), Image.new("RGBA", size)
    pen = ImageDraw.Draw(lines)
    for _, polygons in shapes:
        for polygon in polygons:
            pen.line(_closed(polygon), fill=_HALO, width=width + 2 * SUPERSAMPLING, joint="curve")
    for entry, polygons in shapes:
        _fill(fills, polygons, (*entry.color, FILL_ALPHA))
        for polygon in polygons:
            pen.line(_closed(polygon), fill=(*entry.color, 255), width=width, joint="curve")
    result = image.convert("RGBA")
    for layer in (fills, lines):
        result.alpha_composite(layer.resize(image.size, Image.Resampling.BOX))
    return result.convert("RGB")


def _fill(layer: Image.Image, polygons: Sequence[Points], color: Tuple[int, int, int, int]) -> None:
    """Fill outlines and leave their holes empty."""
    if not polygons:
        return
    corner = np.floor(np.min([p.min(axis=0) for p in polygons], axis=0)).astype(int)
    height, width = np.ceil(np.max([p.max(axis=0) for p in polygons], axis=0)).astype(int) - corner + 1
    mask = Image.new("L", (int(width), int(height)))
    pen = ImageDraw.Draw(mask)
    outer_sign = np.sign(_signed_area(max(polygons, key=lambda p: abs(_signed_area(p)))))
    for polygon in sorted(polygons, key=lambda p: -abs(_signed_area(p))):
        inside = np.sign(_signed_area(polygon)) == outer_sign
        pen.polygon(_closed(polygon - corner), fill=255 if inside else 0)
    layer.paste(color, (int(corner[1]), int(corner[0])), mask)


def _signed_area(points: Points) -> float:
    rows, columns = points[:, 0], points[:, 1]
    return 0.5 * float(np.sum(columns * np.roll(rows, -1) - np.roll(columns, -1) * rows))


def _closed(points: Points) -> List[Tuple[float, float]]:
    """Return the points as (x, y) for Pillow, the first ones again at the end so that the joint is round."""
    return [(float(c), float(r)) for r, c in np.concatenate([points, points[:2]])]
