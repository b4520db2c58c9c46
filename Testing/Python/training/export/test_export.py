"""From a genuine nnU-Net model folder to a bundle that decides as torch does."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any, Callable, Dict

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from kdseg.bundle import card, load_student
from kdseg.bundle.selftest import run_self_test
from kdseg.errors import BundleError, BundleSchemaError, ExportError, KDSegError, OutputError, UnsupportedModelError
from kdseg_testing.metadata import student_metadata
from kdseg_testing.model_folder import build_network
from kdseg_training.export import export_student

REGIONS = {"labels": {"background": 0, "whole": [1, 2], "core": 2}, "regions_class_order": [1, 2]}
CASES: Dict[str, Dict[str, Any]] = {
    "plain 3d": {},
    "residual 3d": {"network": "ResidualEncoderUNet", "features": (4, 8, 8), "patch_size": (16, 16, 16)},
    "plain 2d": {"configuration": "2d", "patch_size": (16, 16), "spacing_mm": (1.0, 1.0), "mirroring_axes": (0, 1)},
    "residual 2d": {
        "network": "ResidualEncoderUNet",
        "configuration": "2d",
        "patch_size": (16, 16),
        "spacing_mm": (1.0, 1.0),
    },
    "low resolution, anisotropic strides": {
        "configuration": "3d_lowres",
        "features": (4, 8, 8),
        "patch_size": (4, 16, 32),
        "spacing_mm": (5.0, 1.0, 1.0),
    },
    "two channels": {"channels": 2, "mirroring_axes": (0, 1, 2)},
    "regions": REGIONS,
    "ignore label": {"labels": {"background": 0, "A": 1, "ignore": 2}},
    "regions and ignore label": {"labels": {**REGIONS["labels"], "ignore": 3}, "regions_class_order": [1, 2]},
    "CT": {"normalization": ("CTNormalization",), "reader": "NibabelIOWithReorient", "transpose_forward": (1, 0, 2)},
}


class PlainEngine:
    def __init__(self, model: bytes) -> None:
        self.session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])

    def run(self, patch: np.ndarray) -> np.ndarray:
        return self.session.run(None, {"image": patch[None]})[0][0]


def oracle(folder: Path, image: np.ndarray) -> np.ndarray:
    """Return the logits of nnU-Net's own network at full resolution, deep supervision on."""
    plans, dataset = (json.loads((folder / name).read_text()) for name in ("plans.json", "dataset.json"))
    checkpoint = torch.load(folder / "fold_0" / "checkpoint_final.pth", weights_only=True)
    network = build_network(plans, dataset, checkpoint["init_args"]["configuration"])
    network.load_state_dict(checkpoint["network_weights"])
    with torch.no_grad():
        return network.eval()(torch.from_numpy(image[None]))[0][0].numpy()


@pytest.mark.parametrize("case", CASES)
def test_the_exported_network_is_nnunets(case: str, model_folder: Callable[..., Path], tmp_path: Path) -> None:
    folder = model_folder(**CASES[case])
    result = export_student(folder, tmp_path / "out", metadata=student_metadata())
    student = load_student(result.path)
    engine = PlainEngine(student.model)
    shape = tuple(2 * n for n in student.plan.patch_size)  # another shape than any the exporter saw
    image = np.random.default_rng(5).standard_normal((len(student.plan.channel_names), *shape)).astype(np.float32)
    expected = oracle(folder, image)
    assert expected.std() > 0.1
    np.testing.assert_allclose(engine.run(image), expected, atol=1e-3)
    assert run_self_test(student, engine).undecided_differing == 0
    assert student.mirroring_axes == CASES[case].get("mirroring_axes")
    for name in ("plans.json", "dataset.json"):
        digest = student.document["members"][name]["sha256"]
        assert digest == hashlib.sha256((folder / name).read_bytes()).hexdigest()


def test_a_student_keeps_one_part_if_told(model_folder: Callable[..., Path], tmp_path: Path) -> None:
    folder, options = model_folder(), {"metadata": student_metadata()}
    plain = load_student(export_student(folder, tmp_path / "plain", **options).path)
    single = load_student(export_student(folder, tmp_path / "single", keep_largest_part=True, **options).path)
    assert (plain.keep_largest_part, single.keep_largest_part) == (False, True)
    assert ("Islands", "only the largest connected part is kept") in card(single)
    assert "Islands" not in dict(card(plain))


def test_the_same_folder_gives_the_same_file(model_folder: Callable[..., Path], tmp_path: Path) -> None:
    folder = model_folder()
    first, second = (export_student(folder, tmp_path / name, metadata=student_metadata()).path for name in "ab")
    assert first.read_bytes() == second.read_bytes()
    assert first.name == "test-1.0.0.kdseg.zip"


def test_another_bundle_of_the_same_name_is_replaced_only_when_told(model_folder: Callable[..., Path], tmp_path: Path) -> None:
    folder, complete = model_folder(), student_metadata()
    path = export_student(folder, tmp_path / "out", metadata=complete).path
    before = path.read_bytes()
    assert export_student(folder, tmp_path / "out", metadata=complete).path == path  # the same again
    changed = {**complete, "intended_use": "Something else."}
    with pytest.raises(OutputError, match=r"Another bundle.*--overwrite"):
        export_student(folder, tmp_path / "out", metadata=changed)
    assert path.read_bytes() == before
    export_student(folder, tmp_path / "out", metadata=changed, overwrite=True)
    assert load_student(path).document["intended_use"] == "Something else."


def test_the_onnx_file_is_old_enough_and_tells_nothing_about_the_machine(
    model_folder: Callable[..., Path], tmp_path: Path
) -> None:
    student = load_student(export_student(model_folder(), tmp_path / "out", metadata=student_metadata()).path)
    model = onnx.load_from_string(student.model)
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version <= 10
    assert [(o.domain, o.version <= 20) for o in model.opset_import] == [("", True)]
    assert model.producer_name == "kdseg-training"
    for path in (sys.prefix, str(Path.home()), str(Path.cwd()), str(tmp_path), torch.__file__, "site-packages", ".py"):
        assert path.encode() not in student.model
    assert not any(node.doc_string or node.metadata_props for node in model.graph.node)


def test_the_document_says_where_the_student_comes_from(model_folder: Callable[..., Path], tmp_path: Path) -> None:
    folder = model_folder()
    document = load_student(export_student(folder, tmp_path / "out", metadata=student_metadata()).path).document
    checkpoint = (folder / "fold_0" / "checkpoint_final.pth").read_bytes()
    assert document["provenance"]["checkpoint"] == {
        "file": "fold_0/checkpoint_final.pth",
        "sha256": hashlib.sha256(checkpoint).hexdigest(),
        "trainer": "nnUNetTrainer",
    }
    assert document["provenance"]["software"]["nnunetv2"] == "2.8.1"
    stored = torch.load(folder / "fold_0" / "checkpoint_final.pth", weights_only=True)["network_weights"]
    distinct = {v.data_ptr(): v.numel() for v in stored.values()}
    assert document["parameters"] == sum(distinct.values())
    assert [d["input_shape"] for d in document["export"]["drift"]] == [[1, 8, 8, 8], [1, 8, 8, 8]]


def test_labels_without_a_file_are_neutral_and_say_so(model_folder: Callable[..., Path], tmp_path: Path) -> None:
    folder = model_folder(labels={"background": 0, "Left kidney": 1, "thing": 2})
    result = export_student(folder, tmp_path / "out", metadata=student_metadata())
    kidney, thing = load_student(result.path).entries
    assert (kidney.type.value, kidney.type_modifier.meaning) == ("64033007", "Left")
    assert thing.type.value == "85756007"
    assert len(result.notes) == 1
    assert "thing" in result.notes[0]
    assert "kidney" not in result.notes[0]


def fold_1(folder: Path) -> None:
    (folder / "fold_1").mkdir()
    (folder / "fold_1" / "checkpoint_final.pth").write_bytes((folder / "fold_0" / "checkpoint_final.pth").read_bytes())


def edit(name: str, change: Callable[[Dict[str, Any]], Any]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        value = json.loads((folder / name).read_text())
        change(value)
        (folder / name).write_text(json.dumps(value))

    return apply


def edit_checkpoint(change: Callable[[Dict[str, Any]], Any]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / "fold_0" / "checkpoint_final.pth"
        value = torch.load(path, weights_only=True)
        change(value)
        torch.save(value, path)

    return apply


def truncate(folder: Path) -> None:
    path = folder / "fold_0" / "checkpoint_final.pth"
    path.write_bytes(path.read_bytes()[:-2000])


def architecture(change: Callable[[Dict[str, Any]], Any]) -> Callable[[Path], None]:
    return edit("plans.json", lambda plans: change(plans["configurations"]["3d_fullres"]["architecture"]))


def diverged(checkpoint: Dict[str, Any]) -> None:
    next(iter(checkpoint["network_weights"].values())).view(-1)[0] = float("nan")


BAD_FOLDERS = {
    "no folder": (lambda f: f.rename(f.with_name("elsewhere")), {}, ExportError, "does not exist"),
    "no plans": (lambda f: (f / "plans.json").unlink(), {}, ExportError, "no plans.json"),
    "no dataset": (lambda f: (f / "dataset.json").unlink(), {}, ExportError, "no dataset.json"),
    "no checkpoint": (lambda f: (f / "fold_0" / "checkpoint_final.pth").unlink(), {}, ExportError, "No fold has"),
    "another fold": (lambda f: None, {"fold": 3}, ExportError, "Fold 3 has no checkpoint"),
    "two folds": (fold_1, {}, ExportError, "fold has to be chosen"),
    "a path as checkpoint": (lambda f: None, {"checkpoint": "../x.pth"}, ExportError, "plain file name"),
    "a truncated checkpoint": (truncate, {}, ExportError, "truncated or damaged"),
    "an empty checkpoint": (lambda f: (f / "fold_0/checkpoint_final.pth").write_bytes(b""), {}, ExportError, "damaged"),
    "no checkpoint at all": (lambda f: (f / "fold_0/checkpoint_final.pth").write_bytes(b"x" * 99), {}, ExportError, "damaged"),
    "another dictionary": (edit_checkpoint(lambda c: c.pop("network_weights")), {}, ExportError, "not a checkpoint"),
    "no configuration": (edit_checkpoint(lambda c: c["init_args"].clear()), {}, ExportError, "does not name"),
    "weights of another network": (edit_checkpoint(lambda c: c["network_weights"].popitem()), {}, ExportError, "do not fit"),
    "diverged weights": (edit_checkpoint(diverged), {}, ExportError, "not finite"),
    "bad mirroring": (
        edit_checkpoint(lambda c: c.update(inference_allowed_mirroring_axes=(7,))),
        {},
        ExportError,
        "mirroring axes",
    ),
    "another configuration": (lambda f: None, {"configuration": "2d"}, ExportError, "another configuration"),
    "a cascade": (
        edit("plans.json", lambda p: p["configurations"]["3d_fullres"].update(previous_stage="3d_lowres")),
        {},
        UnsupportedModelError,
        "cascade",
    ),
    "a foreign network": (
        architecture(lambda a: a.update(network_class_name="os.PlainConvUNet")),
        {},
        UnsupportedModelError,
        "os.PlainConvUNet",
    ),
    "a foreign class": (
        architecture(lambda a: a["arch_kwargs"].update(nonlin="os.system")),
        {},
        UnsupportedModelError,
        "os.system",
    ),
    "a foreign import": (
        architecture(lambda a: a.update(_kw_requires_import=["conv_op", "n_stages"])),
        {},
        UnsupportedModelError,
        "n_stages",
    ),
    "a foreign argument": (
        architecture(lambda a: a["arch_kwargs"].update(block="os.system")),
        {},
        UnsupportedModelError,
        "block",
    ),
    "an enormous network": (
        architecture(lambda a: a["arch_kwargs"].update(features_per_stage=[10**6, 10**6])),
        {},
        UnsupportedModelError,
        "features_per_stage",
    ),
    "contradictory stages": (
        architecture(lambda a: a["arch_kwargs"].update(n_stages=3)),
        {},
        ExportError,
        "cannot build",
    ),
    "no labels": (edit("dataset.json", lambda d: d.pop("labels")), {}, BundleSchemaError, "labels"),
    "a teacher without a capacity": (
        lambda f: None,
        {"metadata": {"provenance": {"teacher": "nnU-Net"}}},
        ExportError,
        "no capacity",
    ),
    "a dataset that is no object": (lambda f: None, {"metadata": {"provenance": {"dataset": "x"}}}, ExportError, "not usable"),
    "a provenance that is no object": (lambda f: None, {"metadata": {"provenance": 5}}, ExportError, "not usable"),
    "metadata with an unknown key": (lambda f: None, {"metadata": student_metadata(licens="x")}, ExportError, "licens"),
    "a bad version": (lambda f: None, {"metadata": student_metadata(version="1.0")}, BundleError, "Give another --version"),
    "a bad version of no folder": (
        lambda f: f.rename(f.with_name("elsewhere")),
        {"metadata": student_metadata(version="1.0")},
        BundleError,
        "The student's version is not usable",
    ),
    "no labels file": (lambda f: None, {"labels_csv": "missing.csv"}, ExportError, "cannot be read"),
}


@pytest.mark.parametrize("case", BAD_FOLDERS)
def test_a_bad_folder_ends_with_a_clear_error_and_no_output(
    case: str, model_folder: Callable[..., Path], tmp_path: Path
) -> None:
    damage, arguments, error, message = BAD_FOLDERS[case]
    folder = model_folder()
    damage(folder)
    with pytest.raises(KDSegError) as caught:
        export_student(folder, tmp_path / "out", **{"metadata": student_metadata(), **arguments})
    assert isinstance(caught.value, error)
    assert message in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_chosen_fold_is_taken(model_folder: Callable[..., Path], tmp_path: Path) -> None:
    folder = model_folder()
    model_folder(fold="all", seed=1)
    result = export_student(folder, tmp_path / "out", fold="all", metadata=student_metadata())
    assert load_student(result.path).document["provenance"]["checkpoint"]["file"] == "fold_all/checkpoint_final.pth"


def test_a_network_that_onnx_runtime_does_not_reproduce_is_refused(
    model_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kdseg_training.export import exporter

    real = exporter.onnx_logits
    monkeypatch.setattr(exporter, "onnx_logits", lambda model, image: real(model, image) + np.float32(0.006))
    with pytest.raises(ExportError, match="does not reproduce"):
        export_student(model_folder(), tmp_path / "out", metadata=student_metadata())
    assert not (tmp_path / "out").exists()
