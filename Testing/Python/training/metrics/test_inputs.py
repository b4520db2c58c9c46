"""What is accepted and what is refused, and that all ways of asking give the same answer."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from kdseg.errors import EngineError, GeometryError, InputError
from kdseg.geometry import Geometry
from kdseg.segmentation import Segmentation
from kdseg_training.metrics import SurfaceDefinition, engines, evaluate_pair, surface_metrics
from kdseg_training.metrics.numba_engine import scan

SPACING_MM = (2.5, 0.9, 1.1)


@pytest.fixture(scope="module")
def label_maps() -> tuple[np.ndarray, np.ndarray]:
    """Two label maps with eight classes in noisy blocks."""
    rng = np.random.default_rng(5)
    blocks = np.kron(rng.integers(0, 9, (4, 4, 4)), np.ones((5, 5, 5), int))
    pair = [np.where(rng.random(blocks.shape) < 0.02, rng.integers(0, 9, blocks.shape), blocks) for _ in range(2)]
    return pair[0].astype(np.uint8), np.roll(pair[1], 1, axis=2).astype(np.uint8)


def _values(metrics):
    return {label: m.values() for label, m in metrics.items()}


@pytest.mark.parametrize("definition", list(SurfaceDefinition))
def test_all_classes_at_once_are_the_classes_one_by_one(label_maps, definition, engine) -> None:
    prediction, reference = label_maps
    together = surface_metrics(prediction, reference, SPACING_MM, range(1, 9), definition=definition, engine=engine)
    for label in range(1, 9):
        alone = surface_metrics(prediction == label, reference == label, SPACING_MM, [1], definition=definition, engine=engine)[
            1
        ]
        assert together[label] == dataclasses.replace(alone, label=label)


@pytest.mark.parametrize("definition", list(SurfaceDefinition))
def test_threads_do_not_change_the_numbers(label_maps, definition, engine) -> None:
    one, three = (
        surface_metrics(*label_maps, SPACING_MM, range(1, 9), definition=definition, engine=engine, threads=n) for n in (1, 3)
    )
    assert one == three


@pytest.mark.parametrize("definition", list(SurfaceDefinition))
def test_a_full_buffer_of_the_scan_loses_nothing(label_maps, definition, monkeypatch) -> None:
    expected = surface_metrics(*label_maps, SPACING_MM, range(1, 9), definition=definition, engine="numba")
    monkeypatch.setattr(scan, "SPARE_ENTRIES", 0)
    assert surface_metrics(*label_maps, SPACING_MM, range(1, 9), definition=definition, engine="numba") == expected


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int64, np.uint64])
def test_the_type_of_the_integers_does_not_matter(label_maps, dtype, engine) -> None:
    prediction, reference = label_maps
    expected = surface_metrics(prediction, reference, SPACING_MM, [3, 1], engine=engine)
    assert surface_metrics(prediction.astype(dtype), reference, SPACING_MM, [3, 1], engine=engine) == expected
    assert list(expected) == [3, 1]


def test_labels_above_255_and_more_than_255_classes(label_maps, engine) -> None:
    expected = surface_metrics(*label_maps, SPACING_MM, range(1, 9), engine=engine)
    prediction, reference = ((m.astype(np.uint16) + 40_000) * (m > 0) for m in label_maps)
    labels = [*range(1, 300), *range(40_001, 40_009)]
    found = surface_metrics(prediction, reference, SPACING_MM, labels, engine=engine)
    assert list(found) == labels
    for label in range(1, 9):
        assert dataclasses.replace(found[40_000 + label], label=label) == expected[label]
    assert {found[label].status.value for label in range(1, 300)} == {"both_empty"}


def test_labels_that_one_byte_cannot_hold_are_empty_in_byte_maps(label_maps, engine) -> None:
    found = surface_metrics(*label_maps, SPACING_MM, [2, 700], engine=engine)
    assert [m.status.value for m in found.values()] == ["ok", "both_empty"]


def test_views_and_other_memory_orders_are_read_as_they_are_indexed(label_maps, engine) -> None:
    expected = surface_metrics(*label_maps, SPACING_MM, [1, 2], engine=engine)
    fortran = [np.asfortranarray(m) for m in label_maps]
    assert surface_metrics(*fortran, SPACING_MM, [1, 2], engine=engine) == expected


def test_inputs_are_not_changed(label_maps, engine) -> None:
    copies = [m.copy() for m in label_maps]
    for array in copies:
        array.setflags(write=False)
    surface_metrics(*copies, SPACING_MM, [1], engine=engine)
    assert all(np.array_equal(a, b) for a, b in zip(copies, label_maps))


@pytest.mark.parametrize(
    ("prediction", "found"),
    [
        (np.zeros((3, 3, 3), np.float32), "float32"),
        (np.full((3, 3, 3), -1, np.int16), "from -1 to -1"),
        (np.full((3, 3, 3), 70_000, np.int32), "from 70000 to 70000"),
    ],
)
def test_what_is_no_label_map_is_refused(prediction, found) -> None:
    with pytest.raises(InputError, match=found):
        surface_metrics(prediction, np.zeros((3, 3, 3), np.uint8), SPACING_MM, [1])


@pytest.mark.parametrize("shape", [(3, 3, 4), (3, 3), (0, 3, 3)])
def test_different_or_unusable_shapes_are_refused(shape) -> None:
    other = (3, 3, 3) if len(shape) == 3 and shape[0] else shape
    with pytest.raises(GeometryError, match="one grid"):
        surface_metrics(np.zeros(shape, np.uint8), np.zeros(other, np.uint8), SPACING_MM, [1])


@pytest.mark.parametrize("spacing_mm", [(1, 1), (1, 1, 0), (1, 1, float("nan")), (1, 1, -2)])
def test_unusable_spacings_are_refused(spacing_mm) -> None:
    with pytest.raises(GeometryError, match="three positive numbers"):
        surface_metrics(np.ones((3, 3, 3), np.uint8), np.ones((3, 3, 3), np.uint8), spacing_mm, [1])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"labels": [0]}, "labels"),
        ({"labels": [1, 1]}, "distinct"),
        ({"labels": [65_536]}, "labels"),
        ({"tolerances_mm": [-1.0]}, "tolerances"),
        ({"percentiles": [0.0]}, "percentiles"),
        ({"percentiles": [101.0]}, "percentiles"),
        ({"threads": 0}, "threads"),
        ({"engine": "fast"}, "engine"),
        ({"definition": "mesh"}, "mesh"),
    ],
)
def test_parameters_out_of_range_are_refused(wrong, message) -> None:
    mask = np.ones((3, 3, 3), np.uint8)
    with pytest.raises(ValueError, match=message):
        surface_metrics(mask, mask, SPACING_MM, **{"labels": [1], **wrong})


def test_a_definition_may_be_named() -> None:
    mask = np.ones((3, 3, 3), np.uint8)
    named = surface_metrics(mask, mask[::-1], SPACING_MM, [1], definition="boundary_voxels")
    assert named == surface_metrics(mask, mask, SPACING_MM, [1], definition=SurfaceDefinition.BOUNDARY_VOXELS)


def _segmentation(labels: np.ndarray, **geometry) -> Segmentation:
    return Segmentation(labels, Geometry(labels.shape, **{"spacing_mm": (1.0, 2.0, 3.0), **geometry}), ())


def test_a_case_is_measured_on_its_geometry() -> None:
    """The geometry's spacing is (x, y, z); a voxel moved along z, the first array axis, moved by 3 mm."""
    reference, prediction = np.zeros((2, 4, 5, 6), np.uint8)
    reference[1, 2, 2], prediction[2, 2, 2] = 1, 1
    case = evaluate_pair(_segmentation(prediction), _segmentation(reference), [1], case="a")
    assert case.classes[1].hd_mm == 3.0
    assert case.spacing_mm == (3.0, 2.0, 1.0)
    assert case.diagonal_mm == pytest.approx((12.0**2 + 10.0**2 + 6.0**2) ** 0.5)
    assert (case.case, case.definition, case.strict_tolerance) == ("a", SurfaceDefinition.SURFACE_ELEMENTS, False)


@pytest.mark.parametrize(
    "geometry",
    [{"spacing_mm": (1.0, 2.0, 3.1)}, {"origin_mm": (0.0, 0.0, 1.0)}, {"direction": (-1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0)}],
)
def test_arrays_of_different_places_are_not_compared(geometry) -> None:
    mask = np.ones((4, 5, 6), np.uint8)
    with pytest.raises(GeometryError, match="different grids"):
        evaluate_pair(_segmentation(mask, **geometry), _segmentation(mask), [1])


def test_auto_takes_the_compiled_engine_where_numba_is() -> None:
    assert engines.measuring_function("auto").__module__.endswith("numba_engine.engine")
    assert engines.measuring_function("numpy").__module__.endswith("numpy_engine")


def test_without_numba_everything_but_the_compiled_engine_works_and_torch_is_not_imported() -> None:
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "import numpy as np, kdseg.errors\n"
        "from kdseg_training.metrics import surface_metrics\n"
        "mask = np.ones((2, 2, 2), np.uint8)\n"
        "print(surface_metrics(mask, mask, (1, 1, 1), [1])[1].dice, 'torch' in sys.modules)\n"
        "try: surface_metrics(mask, mask, (1, 1, 1), [1], engine='numba')\n"
        "except kdseg.errors.EngineError as error: print(error.exit_code, error.remedy)\n"
    )
    path = [entry for entry in sys.path if entry]
    printed = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}\n{code}"], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert printed[0] == "1.0 False"
    assert printed[1].startswith(f"{EngineError.exit_code} Install kdsegmentator with the extra 'fast'")
