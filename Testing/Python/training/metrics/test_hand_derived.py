"""Values worked out on paper, on anisotropic grids."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kdseg_training.metrics import Status, SurfaceDefinition, surface_metrics

SPACING_MM = (3.0, 2.0, 1.0)
BOUNDARY = SurfaceDefinition.BOUNDARY_VOXELS


def _voxel(*place: int) -> np.ndarray:
    mask = np.zeros((8, 8, 12), np.uint8)
    mask[place] = 1
    return mask


@pytest.mark.parametrize(("moved", "step_mm"), [((3, 2, 2), 3.0), ((2, 3, 2), 2.0), ((2, 2, 3), 1.0)])
def test_a_voxel_moved_by_one_along_each_axis(moved, step_mm, engine) -> None:
    """Of its 8 corners, all of one area, 4 stay and 4 are one step away from the nearest of the other voxel's corners."""
    measured = surface_metrics(
        _voxel(*moved), _voxel(2, 2, 2), SPACING_MM, [1], (0.5 * step_mm, step_mm), percentiles=(50, 95), engine=engine
    )[1]
    assert measured.status is Status.OK
    assert measured.dice == measured.iou == measured.volume_difference_ml == 0.0
    assert measured.nsd == pytest.approx({0.5 * step_mm: 0.5, step_mm: 1.0})
    assert measured.hd_mm == step_mm
    assert measured.hd_percentiles_mm == {50: 0.0, 95: step_mm}
    assert measured.assd_mm == pytest.approx(step_mm / 2)
    assert measured.masd_mm == pytest.approx(step_mm / 2)


@pytest.mark.parametrize(("moved", "step_mm"), [((3, 2, 2), 3.0), ((2, 3, 2), 2.0), ((2, 2, 3), 1.0)])
def test_as_boundary_voxels_the_whole_voxel_moved(moved, step_mm, engine) -> None:
    measured = surface_metrics(
        _voxel(*moved), _voxel(2, 2, 2), SPACING_MM, [1], (0.5 * step_mm, step_mm), definition=BOUNDARY, engine=engine
    )[1]
    assert measured.nsd == {0.5 * step_mm: 0.0, step_mm: 1.0}
    assert measured.hd_mm == measured.hd_percentiles_mm[95.0] == measured.assd_mm == measured.masd_mm == step_mm


def test_a_cube_that_grew_by_a_layer_on_one_side(engine) -> None:
    """4×4×4 against 4×4×5 voxels, the last layers 1 mm apart: 64 − 8 = 56 and 80 − 12 = 68 boundary voxels."""
    reference, prediction = np.zeros((2, 8, 8, 12), np.uint8)
    reference[2:6, 2:6, 2:6] = 1
    prediction[2:6, 2:6, 2:7] = 1
    measured = surface_metrics(prediction, reference, SPACING_MM, [1], (0.5, 1.0), definition=BOUNDARY, engine=engine)[1]
    assert measured.dice == pytest.approx(2 * 64 / (64 + 80))
    assert measured.iou == pytest.approx(64 / 80)
    assert measured.volume_difference_ml == pytest.approx(16 * 6 / 1000)
    assert measured.values()["relative_volume_difference"] == pytest.approx(0.25)
    # The 4 inner voxels of the reference's last layer are 1 mm from a boundary voxel of the prediction, as are the 16 of the
    # prediction's last layer from one of the reference.
    assert measured.nsd == pytest.approx({0.5: (52 + 52) / (56 + 68), 1.0: 1.0})
    assert measured.assd_mm == pytest.approx((4 + 16) / (56 + 68))
    assert measured.masd_mm == pytest.approx((4 / 56 + 16 / 68) / 2)
    assert measured.hd_mm == 1.0
    # Ranks 0.95 × 55 = 52.25 and 0.95 × 67 = 63.65 both lie behind the 52 zeros.
    assert measured.hd_percentiles_mm[95.0] == 1.0


def test_the_boundary_percentile_is_interpolated(engine) -> None:
    """A row of 5 against its first 4 voxels: distances 0 0 0 0 1, whose 95th percentile is rank 3.8, so 0.8 mm."""
    reference, prediction = np.zeros((2, 1, 1, 9), np.uint8)
    reference[0, 0, 2:6] = 1
    prediction[0, 0, 2:7] = 1
    measured = surface_metrics(
        prediction, reference, (1, 1, 1), [1], percentiles=(95, 100), definition=BOUNDARY, engine=engine
    )[1]
    assert measured.hd_percentiles_mm == pytest.approx({95: 0.8, 100: 1.0})


def test_a_sheet_moved_by_a_millimetre(engine) -> None:
    """What the definitions make of a thin sheet: boundary voxels see 1 mm, surface elements half of it coincide."""
    reference, prediction = np.zeros((2, 9, 40, 40), np.uint8)
    reference[4], prediction[5] = 1, 1
    voxels = surface_metrics(prediction, reference, (1, 1, 1), [1], definition=BOUNDARY, engine=engine)[1]
    elements = surface_metrics(prediction, reference, (1, 1, 1), [1], engine=engine)[1]
    assert voxels.assd_mm == 1.0
    assert elements.assd_mm == pytest.approx(0.5)
    assert elements.hd_mm == 1.0


def test_a_tolerance_of_three_voxels_holds_three_voxels(engine) -> None:
    """3 × 0.8 is 2.4000000000000004: corners 2 and 3 of one voxel are 2.4 mm and 1.6 mm from corner 5 of the other."""
    pair = _voxel(2, 2, 5), _voxel(2, 2, 2)
    spacing_mm = (0.8, 0.8, 0.8)
    assert surface_metrics(*pair, spacing_mm, [1], (2.4,), engine=engine)[1].nsd == {2.4: 1.0}
    strict = surface_metrics(*pair, spacing_mm, [1], (2.4,), engine=engine, strict_tolerance=True)[1]
    assert strict.nsd == pytest.approx({2.4: 0.5})


@pytest.mark.parametrize("definition", list(SurfaceDefinition))
def test_every_empty_mask_is_decided(definition, engine) -> None:
    reference, prediction = np.zeros((2, 4, 5, 6), np.uint8)
    reference[1, 1, 1], prediction[1, 1, 1] = 1, 1
    reference[2, 2, 2:4] = 2
    prediction[3, 3, 3] = 3
    found = surface_metrics(prediction, reference, SPACING_MM, [1, 2, 3, 4], definition=definition, engine=engine)
    assert [c.status.value for c in found.values()] == ["ok", "missed", "hallucinated", "both_empty"]
    assert found[1].values() == pytest.approx(
        {
            "dice": 1.0,
            "iou": 1.0,
            "prediction_volume_ml": 0.006,
            "reference_volume_ml": 0.006,
            "volume_difference_ml": 0.0,
            "relative_volume_difference": 0.0,
            "nsd_1mm": 1.0,
            "hd_mm": 0.0,
            "hd95_mm": 0.0,
            "assd_mm": 0.0,
            "masd_mm": 0.0,
        }
    )
    for label, relative in ((2, -1.0), (3, math.inf)):
        values = found[label].values()
        assert values["dice"] == values["iou"] == values["nsd_1mm"] == 0.0
        assert values["hd_mm"] == values["hd95_mm"] == values["assd_mm"] == values["masd_mm"] == math.inf
        assert values["relative_volume_difference"] == relative
    empty = found[4].values()
    assert empty.pop("prediction_volume_ml") == empty.pop("reference_volume_ml") == empty.pop("volume_difference_ml") == 0.0
    assert all(math.isnan(value) for value in empty.values())
    assert found[2].row()["status"] == "missed"
    assert found[2].row()["reference_voxels"] == 2
