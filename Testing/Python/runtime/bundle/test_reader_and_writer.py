"""A bundle as a whole: what is read, what is written, and members that contradict each other."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Callable, Dict, List

import onnxruntime
import pytest

from kdseg.bundle import card, load_student, with_document, write_bundle
from kdseg.bundle.archive import pack
from kdseg.bundle.writer import bundle_bytes
from kdseg.errors import BundleError, BundleIntegrityError, BundleSchemaError, OutputError, UnsupportedModelError
from kdseg_testing.shipped import STUDENTS

ESTIMATE = {"mean": 0.9, "n": 40, "interval": [0.88, 0.92], "confidence": 0.95}
QUALITY = {
    "test_set": "40 cases",
    "method": "mean over cases",
    "classes": [{"value": 1, "dice": ESTIMATE, "nsd": ESTIMATE, "hd95_mm": ESTIMATE}],
}
SHIPPED = [student.path for student in STUDENTS]


def others(members: Dict[str, bytes]) -> Dict[str, bytes]:
    return {name: content for name, content in members.items() if name != "bundle.json"}


def test_a_student_is_read(tiny_path: Path, tiny_bytes: bytes, tiny_members: Dict[str, bytes]) -> None:
    student = load_student(tiny_path)
    assert (student.name, student.version, student.mirroring_axes) == ("tiny", "1.0.0", (0, 1, 2))
    assert [(e.value, e.name) for e in student.entries] == [(1, "A"), (2, "B")]
    assert student.plan.patch_size == (8, 8, 8)
    assert student.model == tiny_members["model.onnx"]
    assert student.model_sha256 == hashlib.sha256(student.model).hexdigest()
    assert student.digest == hashlib.sha256(tiny_bytes).hexdigest()
    assert student.document == json.loads(tiny_members["bundle.json"])
    assert student.source == str(tiny_path)


@pytest.mark.parametrize("path", [Path(__file__).with_name("data") / "tiny-1.0.0.kdseg.zip", *SHIPPED], ids=lambda p: p.name)
def test_this_onnx_runtime_loads_and_runs_the_network(path: Path) -> None:
    student = load_student(path)
    session = onnxruntime.InferenceSession(student.model, providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"image": student.self_test.image})
    assert logits.shape == (1, student.plan.labels.heads, *student.self_test.spatial_shape)


def test_the_student_that_is_offered_first_knows_a_brain_and_is_small() -> None:
    first = STUDENTS[0]
    student = load_student(first.path)
    assert student.name == "brain"
    assert len(student.entries) == 32
    assert student.mirroring_axes is None  # mirroring would exchange left and right
    assert first.path.stat().st_size <= 15_000_000
    names = {entry.name for entry in student.entries}
    assert {name.replace("Left", "Right", 1) for name in names if name.startswith("Left")} <= names


def test_the_same_members_give_the_same_file(
    tmp_path: Path, tiny_bytes: bytes, tiny_document: Dict[str, Any], tiny_members: Dict[str, bytes]
) -> None:
    path = write_bundle(tmp_path, tiny_document, others(tiny_members))
    assert path.name == "tiny-1.0.0.kdseg.zip"
    assert path.read_bytes() == tiny_bytes


def test_metadata_changes_without_touching_the_other_members(tiny_path: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.kdseg.zip"
    changed.write_bytes(with_document(tiny_path, {"quality": QUALITY, "version": "1.0.1"}))
    before, after = load_student(tiny_path), load_student(changed)
    assert (after.version, after.document["quality"]) == ("1.0.1", QUALITY)
    assert after.document["members"] == before.document["members"]
    assert after.digest != before.digest
    changed.write_bytes(with_document(changed, {"quality": None, "version": "1.0.0"}))
    assert changed.read_bytes() == tiny_path.read_bytes()


@pytest.mark.parametrize("changes", [{"members": {}}, {"schema_version": 1}, {"licence": None}, {"parameters": 0}, {"x": 1}])
def test_metadata_that_breaks_the_bundle_is_refused(tiny_path: Path, changes: Dict[str, Any]) -> None:
    with pytest.raises(BundleSchemaError):
        with_document(tiny_path, changes)


def change_json(name: str, change: Callable[[Dict[str, Any]], Any]) -> Callable[[Dict[str, bytes]], None]:
    def apply(members: Dict[str, bytes]) -> None:
        value = json.loads(members[name])
        change(value)
        members[name] = json.dumps(value).encode()

    return apply


CONTRADICTIONS = {
    "a class less": (change_json("bundle.json", lambda d: d["classes"].pop()), BundleSchemaError, "classes"),
    "another class name": (
        change_json("bundle.json", lambda d: d["classes"][0].update(name="C")),
        BundleSchemaError,
        "classes",
    ),
    "another channel": (
        change_json("bundle.json", lambda d: d["channels"][0].update(name="T2")),
        BundleSchemaError,
        "channels",
    ),
    "orientation": (
        change_json("bundle.json", lambda d: d["orientation"].update(array="ras")),
        BundleSchemaError,
        "orientation",
    ),
    "quality of nothing": (
        change_json("bundle.json", lambda d: d.update(quality={**QUALITY, "classes": [{**QUALITY["classes"][0], "value": 9}]})),
        BundleSchemaError,
        "quality",
    ),
    "another configuration": (
        change_json("bundle.json", lambda d: d["inference"].update(configuration="2d")),
        BundleSchemaError,
        "configuration 2d",
    ),
    "a label more in dataset.json": (
        change_json("dataset.json", lambda d: d["labels"].update(C=3)),
        BundleSchemaError,
        "same labels",
    ),
    "a label less in labels.csv": (
        lambda m: m.update({"labels.csv": b"\n".join(m["labels.csv"].split(b"\n")[:2])}),
        BundleSchemaError,
        "same labels",
    ),
    "a cascade": (
        change_json("plans.json", lambda d: d["configurations"]["3d_fullres"].update(previous_stage="3d_lowres")),
        UnsupportedModelError,
        "cascade",
    ),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_members_that_contradict_each_other_are_refused(case: str, tiny_members: Dict[str, bytes], sessions: List[Any]) -> None:
    change, error, message = CONTRADICTIONS[case]
    change(tiny_members)
    document = json.loads(tiny_members.pop("bundle.json"))
    with pytest.raises(error, match=message):
        bundle_bytes(document, tiny_members)
    assert sessions == []


def test_a_member_with_another_digest_is_named(tiny_members: Dict[str, bytes], tmp_path: Path) -> None:
    tiny_members["labels.csv"] += b"\n"
    path = tmp_path / "x.kdseg.zip"
    path.write_bytes(pack(tiny_members))
    with pytest.raises(BundleIntegrityError, match=r"labels\.csv is not the file that bundle\.json describes"):
        load_student(path)


def test_a_refused_bundle_is_not_written(tmp_path: Path, tiny_document: Dict[str, Any], tiny_members: Dict[str, bytes]) -> None:
    with pytest.raises(BundleError):
        write_bundle(tmp_path, {**tiny_document, "modality": "mr"}, others(tiny_members))
    with pytest.raises(BundleError, match="not those of a bundle"):
        write_bundle(tmp_path, tiny_document, tiny_members)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path: Path, tiny_document: Dict[str, Any], tiny_members: Dict[str, bytes]) -> None:
    with pytest.raises(OutputError, match="does not exist"):
        write_bundle(tmp_path / "nowhere", tiny_document, others(tiny_members))


@pytest.mark.parametrize("name", ["nothing.kdseg.zip", ""])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(BundleIntegrityError, match="cannot be read") as caught:
        load_student(tmp_path / name)
    assert caught.value.path == str(tmp_path / name)


def test_the_card_says_what_a_person_asks(tiny_path: Path, tmp_path: Path) -> None:
    rows = dict(card(load_student(tiny_path)))
    assert rows["Student"] == "tiny 1.0.0"
    assert rows["Classes"] == "1 A, 2 B"
    assert rows["Quality"] == rows["Latency"] == "not measured"
    assert "Not a medical device" in rows["Notice"]
    measured = tmp_path / "m.kdseg.zip"
    latency = [{"hardware": "2 cores", "threads": 2, "engine": "cpu", "task": "one case", "n": 64, "median_s": 0.5}]
    measured.write_bytes(with_document(tiny_path, {"quality": QUALITY, "latency": latency}))
    rows = dict(card(load_student(measured)))
    assert rows["Quality"] == "40 cases; mean over cases"
    assert rows["  A"].startswith("Dice 0.900 (95% interval 0.880 to 0.920); NSD 0.900")
    assert rows["Latency"] == "0.5 s median of 64, one case, cpu, 2 threads, 2 cores"
