"""Students that are averaged with their mirror image, against torch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Tuple

import numpy as np
import pytest
import torch

from kdseg.bundle import card, load_student, with_document
from kdseg.errors import BundleSchemaError, ExportError
from kdseg.geometry import Geometry
from kdseg.limits import Options
from kdseg.pipeline import estimate, segment
from kdseg.plans.model import ArrayOrientation
from kdseg.sides import SideExchange
from kdseg.student import Student
from kdseg.volume import Volume
from kdseg_testing.metadata import student_metadata
from kdseg_training.export import export_student
from kdseg_training.export.architecture import build_network
from kdseg_training.export.checkpoint import read_checkpoint
from kdseg_training.export.model_folder import open_model_folder
from kdseg_training.export.sides import side_exchange

LABELS = {"background": 0, "Left kidney": 1, "liver": 2, "Right femur": 3, "Right kidney": 4, "Left femur": 5}
OTHER = (0, 4, 2, 5, 1, 3)
PATCH = (8, 16, 16)
ORIENTED: Dict[str, Any] = {
    "labels": LABELS,
    "reader": "NibabelIOWithReorient",
    "normalization": ("NoNormalization",),
    "patch_size": PATCH,
}
Write = Callable[..., Path]


def export(folder: Path, output: Path, **options: Any) -> Student:
    return load_student(export_student(folder, output, metadata=student_metadata(), exchange_sides=True, **options).path)


def torch_labels(folder: Path, student: Student, image: np.ndarray, axis: int) -> Tuple[np.ndarray, np.ndarray]:
    """Return labels and margins of torch's average of an image of one patch (in the network's axes) with its mirror image."""
    files = open_model_folder(folder, None, "checkpoint_final.pth")
    network = build_network(files.plans, student.plan, folder / "plans.json")
    network.load_state_dict(read_checkpoint(files.checkpoint_path).weights)
    data = torch.from_numpy(image[None, None])
    with torch.no_grad():
        here = network.eval()(data)
        there = torch.flip(network(torch.flip(data, [axis + 2])), [axis + 2])
    logits = ((here + there[:, list(OTHER)]) / 2)[0].numpy()
    best = np.sort(logits, axis=0)
    return logits.argmax(0), best[-1] - best[-2]


@pytest.mark.parametrize("features", [(4, 8), (8, 8)], ids=["without its last layer", "whole"])
@pytest.mark.parametrize(("transpose", "axis"), [((0, 1, 2), 2), ((2, 0, 1), 0)])
def test_a_student_gives_torchs_average(
    model_folder: Write, tmp_path: Path, features: Tuple[int, int], transpose: Tuple[int, int, int], axis: int
) -> None:
    folder = model_folder(**ORIENTED, features=features, transpose_forward=transpose)
    student = export(folder, tmp_path / "out")
    assert student.side_exchange == SideExchange(OTHER, axis)
    assert ("Mirroring", "from left to right, the classes of the sides exchanged") in card(student)
    image = np.random.default_rng(3).standard_normal(PATCH).astype(np.float32)
    voxels = image.transpose(np.argsort(transpose))
    ras = Geometry(voxels.shape, (1.0, 1.0, 1.0), direction=(-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0))
    volume = Volume(np.ascontiguousarray(voxels)[None], ras)
    expected, margin = torch_labels(folder, student, image, axis)
    found = segment(volume, student)
    inner = np.zeros(PATCH, bool)
    inner[2:-2, 3:-3, 3:-3] = True  # near the edges of an image the Gaussian leaves nnU-Net's half-precision sums few bits
    decided = (inner & (margin > 0.02)).transpose(np.argsort(transpose))
    assert decided.mean() > 0.15
    np.testing.assert_array_equal(found.labels[decided], expected.transpose(np.argsort(transpose))[decided])
    assert found.report["settings"]["sides_exchanged"] is True
    assert found.report["settings"]["passes_per_patch"] == estimate(volume, student).passes == 2
    alone = segment(volume, student, options=Options(mirroring=False))
    assert alone.report["settings"]["sides_exchanged"] is False
    assert alone.report["settings"]["passes_per_patch"] == 1
    assert (alone.labels != found.labels).mean() > 0.01


def test_without_being_asked_no_student_exchanges_sides(model_folder: Write, tmp_path: Path) -> None:
    student = load_student(export_student(model_folder(**ORIENTED), tmp_path / "out", metadata=student_metadata()).path)
    assert student.side_exchange is None
    assert dict(card(student))["Mirroring"] == "off"


REFUSED: Dict[str, Tuple[Dict[str, Any], str]] = {
    "arrays as in the file": ({"reader": "SimpleITKIO"}, "turned to RAS"),
    "regions": (
        {"labels": {"background": 0, "whole": [1, 2], "core": 2}, "regions_class_order": [1, 2]},
        "classes that exclude each other",
    ),
    "no sides": ({"labels": {"background": 0, "liver": 1}}, "type modifier Left or Right"),
    "one side": ({"labels": {"background": 0, "Left kidney": 1}}, "Left kidney alone"),
    "a side that only its name tells": (
        {"labels": {"background": 0, "Left kidney": 1, "Right kidney": 2, "Left gizzard": 3, "Right gizzard": 4}},
        "Left gizzard, whose type Tissue has none.*--labels",
    ),
    "one twice": ({"labels": {"background": 0, "Left kidney": 1, "kidney left": 2}}, "one structure of each type"),
    "mirrored anyway": ({"mirroring_axes": (0, 2)}, "not mirrored along axis 2"),
    "sagittal slices": (
        {"configuration": "2d", "patch_size": (16, 16), "spacing_mm": (1.0, 1.0), "transpose_forward": (2, 0, 1)},
        "slices that show left and right",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_sides_to_exchange_is_refused(case: str, model_folder: Write, tmp_path: Path) -> None:
    changes, message = REFUSED[case]
    folder = model_folder(**{**ORIENTED, **changes})
    with pytest.raises(ExportError, match=message):
        export(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_slices_have_an_axis_less(model_folder: Write, tmp_path: Path) -> None:
    slices = {"configuration": "2d", "patch_size": (16, 16), "spacing_mm": (1.0, 1.0)}
    student = export(model_folder(**{**ORIENTED, **slices}), tmp_path / "out")
    assert student.side_exchange == SideExchange(OTHER, axis=1)
    turned = replace(student.plan, transpose_forward=(1, 2, 0))
    assert side_exchange(student.entries, turned).axis == 0
    with pytest.raises(ExportError, match="turned to RAS"):
        side_exchange(student.entries, replace(student.plan, orientation=ArrayOrientation.NATIVE))


DAMAGES: Dict[str, Tuple[Callable[[Dict[str, Any]], Any], str]] = {
    "another number of classes": (lambda d: d["side_exchange"].update(classes=[0, 4, 2, 5, 1, 3, 6]), "number of classes"),
    "another axis": (lambda d: d["side_exchange"].update(axis=1), "axis from left to right"),
    "the background": (lambda d: d["side_exchange"].update(classes=[2, 4, 0, 5, 1, 3]), "background"),
    "mirrored without exchanging as well": (lambda d: d.update(mirroring_axes=[0, 2]), "an axis of mirroring_axes"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_bundle_whose_exchange_does_not_fit_is_refused(damage: str, model_folder: Write, tmp_path: Path) -> None:
    student = export(model_folder(**ORIENTED), tmp_path / "out")
    change, message = DAMAGES[damage]
    change(student.document["inference"])
    with pytest.raises(BundleSchemaError, match=message):
        with_document(student.source, {"inference": student.document["inference"]})


def test_a_recorded_quality_is_not_that_of_another_way_to_predict(model_folder: Write, tmp_path: Path) -> None:
    folder = model_folder(**ORIENTED)
    checkpoint = folder / "fold_0" / "checkpoint_final.pth"
    record = {"checkpoint_sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest(), "quality": {"not": "even read"}}
    (checkpoint.parent / "quality.json").write_text(json.dumps(record))
    result = export_student(folder, tmp_path / "out", metadata=student_metadata(), exchange_sides=True)
    assert "quality" not in load_student(result.path).document
    assert any("recorded quality was left out" in note for note in result.notes)
    assert "These are each other's mirror image: Left kidney – Right kidney, Right femur – Left femur." in result.notes
