"""The definition of Metrics Reloaded and MONAI, computed the long way: erosion and distance transform of the whole grid."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from kdseg_training.metrics import SurfaceDefinition, surface_metrics

LEAST_PAIRS = 500
PAIRS_OF_A_KIND = 45
PERCENTILES = (50.0, 90.0, 95.0)


def _plainly(prediction, reference, spacing_mm, tolerances_mm):
    faces = ndimage.generate_binary_structure(3, 1)
    borders = [mask & ~ndimage.binary_erosion(mask, faces, border_value=0) for mask in (prediction, reference)]
    maps = [ndimage.distance_transform_edt(~border, sampling=spacing_mm) for border in borders]
    ways = maps[1][borders[0]], maps[0][borders[1]]
    both = np.concatenate(ways)
    return {
        "nsd": [(both <= t).mean() for t in tolerances_mm],
        "percentiles": [max(np.percentile(way, p) for way in ways) for p in PERCENTILES],
        "hd": both.max(),
        "assd": both.mean(),
        "masd": (ways[0].mean() + ways[1].mean()) / 2,
    }


def test_every_metric_equals_the_plain_computation_on_more_than_500_pairs(pairs_of_every_kind) -> None:
    compared = 0
    for kind, prediction, reference, spacing_mm in pairs_of_every_kind(PAIRS_OF_A_KIND):
        tolerances_mm = sorted({0.5, 2.0 * min(spacing_mm), 5.0})
        expected = _plainly(prediction, reference, spacing_mm, tolerances_mm)
        for engine in ("numpy", "numba"):
            measured = surface_metrics(
                prediction,
                reference,
                spacing_mm,
                [1],
                tolerances_mm,
                percentiles=PERCENTILES,
                definition=SurfaceDefinition.BOUNDARY_VOXELS,
                engine=engine,
                strict_tolerance=True,
            )[1]
            ours = {
                "nsd": list(measured.nsd.values()),
                "percentiles": list(measured.hd_percentiles_mm.values()),
                "hd": measured.hd_mm,
                "assd": measured.assd_mm,
                "masd": measured.masd_mm,
            }
            for metric, value in expected.items():
                np.testing.assert_allclose(ours[metric], value, rtol=0, atol=1e-9, err_msg=f"{kind} {engine} {metric}")
        compared += 1
    assert compared > LEAST_PAIRS
