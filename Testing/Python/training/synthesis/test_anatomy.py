"""What labels mean, and the anatomy file of the brain against independent tables."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from kdseg.bundle.labels import parse_labels_csv
from kdseg.errors import ConfigurationError, TrainingDataError
from kdseg_training.synthesis.anatomy import read_anatomy

from .conftest import ANATOMY

BRAIN = Path(__file__).parents[4] / "Examples" / "brain"

FREESURFER = {
    "Left cerebral white matter": (2, (245, 245, 245)),
    "Right cerebral white matter": (41, (0, 225, 0)),
    "Left cerebral cortex": (3, (205, 62, 78)),
    "Right hippocampus": (53, (220, 216, 20)),
    "Left thalamus": (10, (0, 118, 14)),
    "Right putamen": (51, (236, 13, 176)),
    "Brain stem": (16, (119, 159, 176)),
    "Third ventricle": (14, (204, 182, 142)),
    "Cerebrospinal fluid": (24, (60, 60, 60)),
}
"""Some lines of FreeSurfer's colour table."""


LEFT_ALONE = [name for name in ANATOMY["structures"] if name != "Right white"]


def without_structure(name: str) -> list[dict[str, Any]]:
    """Return the labels of the anatomy, those of one structure as background."""
    return [{key: value for key, value in label.items() if value != name} for label in ANATOMY["labels"]]


def write(path: Path, **changes) -> Path:
    path.write_text(yaml.safe_dump({**copy.deepcopy(ANATOMY), **changes}), encoding="utf-8")
    return path


def test_positions_classes_and_sides_follow_the_file(tmp_path: Path) -> None:
    anatomy = read_anatomy(write(tmp_path / "a.yaml"))
    assert anatomy.labels == (0, 2, 3, 24, 41, 42, 511, 515)
    assert anatomy.target == (0, 1, 3, 5, 2, 4, 0, 0)
    assert [anatomy.labels[i] for i in anatomy.mirror] == [0, 41, 42, 24, 2, 3, 511, 515]
    assert anatomy.class_mirror == (0, 2, 1, 4, 3, 5)
    assert anatomy.outside == (True, False, False, True, False, False, True, True)
    assert [anatomy.tissues[i].name for i in anatomy.mixed][6] == "fat"


def test_compact_maps_are_positions_and_unknown_labels_are_named(anatomy) -> None:
    assert anatomy.compact(np.array([[41, 0], [515, 2]]), Path("x")).tolist() == [[4, 0], [7, 1]]
    with pytest.raises(TrainingDataError, match="17, 600"):
        anatomy.compact(np.array([600, 2, 17]), Path("x"))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"structures": [*ANATOMY["structures"], "Left white"]}, "stands twice"),
        ({"structures": [*ANATOMY["structures"], "Nothing"]}, "no label is Nothing"),
        ({"labels": [*ANATOMY["labels"], {"label": 2, "tissue": "white"}]}, "a number stands twice"),
        ({"labels": [*ANATOMY["labels"], {"label": 9, "tissue": "gold"}]}, "no tissue gold"),
        ({"labels": [*ANATOMY["labels"], {"label": 9, "tissue": "fat", "structure": "Toe"}]}, "no structure Toe"),
        ({"labels": [*ANATOMY["labels"], {"label": 9, "tissue": "fat", "mirror": 2}]}, "does not name it in turn"),
        ({"labels": [{"label": 0, "tissue": "fat"}]}, "at least 1"),
        ({"structures": LEFT_ALONE, "labels": without_structure("Right white")}, "Left white: .* are background: expected one"),
        (
            {"labels": [*ANATOMY["labels"], {"label": 9, "tissue": "white", "structure": "Left white"}]},
            "Left white: .* are Left white and Right white: expected one",
        ),
    ],
)
def test_a_contradiction_is_refused(tmp_path: Path, changes: dict, word: str) -> None:
    with pytest.raises(ConfigurationError, match=word):
        read_anatomy(write(tmp_path / "a.yaml", **changes))


def test_the_brain_has_the_32_structures_of_the_table_left_and_right_apart() -> None:
    anatomy = read_anatomy(BRAIN / "anatomy.yaml")
    table = [*range(2, 6), 7, 8, *range(10, 19), 24, 26, 28, *range(41, 45), 46, 47, *range(49, 55), 58, 60]
    by_label = dict(zip(anatomy.labels, anatomy.target, strict=True))
    assert sorted(by_label[label] for label in table) == list(range(1, 33)) == list(range(1, len(anatomy.structures) + 1))
    for number, name in enumerate(anatomy.structures, start=1):
        other = anatomy.structures[anatomy.class_mirror[number] - 1]
        swapped = name.replace("Left", "#").replace("Right", "Left").replace("#", "Right")
        assert other == swapped
    assert all(by_label[label] == 0 for label in anatomy.labels if label >= 502)
    assert all(anatomy.outside[i] for i, label in enumerate(anatomy.labels) if label >= 502)


def test_the_colours_are_freesurfers_and_the_names_are_the_anatomys() -> None:
    anatomy = read_anatomy(BRAIN / "anatomy.yaml")
    entries = parse_labels_csv((BRAIN / "labels.csv").read_bytes(), "labels.csv")
    assert [(entry.value, entry.name) for entry in entries] == list(enumerate(anatomy.structures, start=1))
    found = {entry.name: (anatomy.labels[anatomy.target.index(entry.value)], entry.color) for entry in entries}
    assert {name: found[name] for name in FREESURFER} == FREESURFER


def test_every_code_is_one_that_dicom_lists() -> None:
    listed = set()
    for group in (codes.cid7140, codes.cid7153):
        for keyword in dir(group):
            code = getattr(group, keyword)
            if isinstance(code, Code):
                listed.add((code.scheme_designator, code.value, code.meaning.lower()))
    for entry in parse_labels_csv((BRAIN / "labels.csv").read_bytes(), "labels.csv"):
        assert (entry.type.scheme, entry.type.value, entry.type.meaning.lower()) in listed
        side = entry.name.split()[0] if entry.name.split()[0] in ("Left", "Right") else None
        assert (entry.type_modifier.meaning if entry.type_modifier else None) == side
