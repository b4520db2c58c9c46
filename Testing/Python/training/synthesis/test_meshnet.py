"""The comparison with MeshNet: its network is computed as torch computes it, and labels come back to where they belong."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from torch.nn import functional

DILATIONS, WIDTHS = (1, 2, 1), (1, 4, 4, 3)


@pytest.fixture(scope="module")
def meshnet(load_script) -> ModuleType:
    return load_script("Examples/brain/meshnet.py")


@pytest.fixture(scope="module")
def compare(load_script) -> ModuleType:
    return load_script("Examples/brain/compare_meshnet.py")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of three layers as brainchop publishes it; kernels are stored (d, h, w, in, out)."""
    rng = np.random.default_rng(0)
    layers, weights, values = [], [], []
    for index, dilation in enumerate(DILATIONS):
        size = 1 if index == len(DILATIONS) - 1 else 3
        config = {"name": f"conv_{index}", "kernel_size": [size] * 3, "dilation_rate": [dilation] * 3}
        layers += [{"class_name": "Conv3D", "config": config}, {"class_name": "Activation", "config": {"activation": "elu"}}]
        for part, shape in (("kernel", [size] * 3 + [WIDTHS[index], WIDTHS[index + 1]]), ("bias", [WIDTHS[index + 1]])):
            weights.append({"name": f"conv_{index}/{part}", "shape": shape})
            values.append(rng.standard_normal(shape).astype("<f4"))
    document = {"modelTopology": {"model_config": {"config": {"layers": layers}}}, "weightsManifest": [{"weights": weights}]}
    (tmp_path / "model.json").write_text(json.dumps(document))
    (tmp_path / "model.bin").write_bytes(b"".join(v.tobytes() for v in values))
    return tmp_path


def by_torch(folder: Path, head: np.ndarray) -> np.ndarray:
    document = json.loads((folder / "model.json").read_text())
    shapes = [w["shape"] for w in document["weightsManifest"][0]["weights"]]
    flat = np.fromfile(folder / "model.bin", "<f4")
    parts = np.split(flat, np.cumsum([int(np.prod(s)) for s in shapes])[:-1])
    tensors = [torch.from_numpy(p.reshape(s).copy()) for p, s in zip(parts, shapes, strict=True)]
    data = torch.from_numpy(head)[None, None]
    for index, dilation in enumerate(DILATIONS):
        kernel, bias = tensors[2 * index].permute(4, 3, 0, 1, 2), tensors[2 * index + 1]
        data = functional.conv3d(data, kernel, bias, padding=dilation * (kernel.shape[2] // 2), dilation=dilation)
        data = functional.elu(data) if index < len(DILATIONS) - 1 else data
    return data.argmax(1)[0].numpy()


def test_the_network_is_the_published_one(meshnet: ModuleType, folder: Path) -> None:
    head = np.random.default_rng(1).random((9, 8, 7), dtype=np.float32)
    found = meshnet.predict(meshnet.read_layers(folder), head, threads=1)
    expected = by_torch(folder, head)
    assert len(np.unique(expected)) == WIDTHS[-1]
    assert (found != expected).mean() < 0.01


def test_weights_that_are_left_over_are_refused(meshnet: ModuleType, folder: Path) -> None:
    with (folder / "model.bin").open("ab") as file:
        file.write(b"\0\0\0\0")
    with pytest.raises(ValueError, match="numbers, found"):
        meshnet.read_layers(folder)


def test_a_head_lies_along_left_inferior_anterior_and_comes_back(
    meshnet: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network is replaced by a threshold, so the labels of a bright corner are known on the head's own grid."""
    values = np.zeros((30, 40, 50), np.float32)
    values[2:9, 5:15, 30:45] = 100
    image = sitk.GetImageFromArray(values)
    image.SetDirection([0, 1, 0, 0, 0, -1, 1, 0, 0])
    image.SetOrigin([10.0, -20.0, 5.0])
    conformed = meshnet.conform(image)
    assert conformed.GetSize() == (256, 256, 256)
    # rows of the direction are the patient's left, posterior and superior axes; columns the array's left, inferior and anterior
    np.testing.assert_allclose(np.reshape(conformed.GetDirection(), (3, 3)), [[1, 0, 0], [0, 0, -1], [0, -1, 0]], atol=1e-12)
    monkeypatch.setattr(meshnet, "predict", lambda _layers, head, _threads: (head > 0.5).astype(np.uint8))
    found = meshnet.segment(folder, image, 1)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found), values > 50)


def test_classes_are_merged_and_compared(compare: ModuleType, tmp_path: Path) -> None:
    labels = np.zeros((2, 2, 6), np.uint8)
    labels[0, 0] = [10, 49, 10, 0, 16, 2]
    sitk.WriteImage(sitk.GetImageFromArray(labels), str(tmp_path / "labels.nii.gz"))
    merged = compare.merged(tmp_path / "labels.nii.gz", compare.FREESURFER)
    names = ["", *compare.MEMBERS]
    assert [names[n] for n in merged[0, 0]] == ["Thalamus", "Thalamus", "Thalamus", "", "Brain-Stem", "Cerebral-White-Matter"]
    other = merged.copy()
    other[0, 0, 0] = 0  # two of three voxels remain: 2·2 / (3 + 2)
    values = dict(zip(compare.MEMBERS, compare.dice(merged, other), strict=True))
    assert values["Thalamus"] == pytest.approx(0.8)
    assert values["Brain-Stem"] == 1
    assert np.isnan(values["Putamen"])


def test_a_run_is_timed_and_a_failure_ends_everything(compare: ModuleType) -> None:
    cost = compare.run([sys.executable, "-c", "x = bytearray(200_000_000)"])
    assert cost.seconds > 0
    assert 0.18 < cost.peak_gib < 1
    with pytest.raises(SystemExit, match="ended with 3"):
        compare.run([sys.executable, "-c", "raise SystemExit(3)"])
