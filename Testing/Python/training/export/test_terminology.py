"""Codes against DICOM's own context groups, as pydicom lists them."""

from __future__ import annotations

from pathlib import Path

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from kdseg.bundle.labels import parse_labels_csv
from kdseg.plans.model import LabelSystem
from kdseg.segmentation import LabelEntry
from kdseg_training.export.metadata import read_metadata
from kdseg_training.export.terminology import ANATOMY, neutral_entries

SOURCES = Path(__file__).parents[4] / "Resources" / "Models" / "sources"


def names_of(system: LabelSystem) -> list:
    return [(e.value, e.name) for e in neutral_entries(system)]


def test_every_code_is_the_one_that_dicom_lists() -> None:
    listed = {}
    for keyword in dir(codes.cid7151):
        code = getattr(codes.cid7151, keyword)
        if isinstance(code, Code) and code.scheme_designator == "SCT":
            listed[code.meaning.lower()] = code.value
    assert len(ANATOMY) > 40
    assert {name: listed.get(name) for name in ANATOMY} == dict(ANATOMY)


def test_the_shipped_hippocampus_labels_have_dicoms_codes() -> None:
    anterior, posterior = parse_labels_csv((SOURCES / "hippocampus.labels.csv").read_bytes(), "x")
    for entry, modifier in ((anterior, codes.cid2.Anterior), (posterior, codes.cid2.Posterior)):
        assert (entry.type.scheme, entry.type.value) == ("SCT", codes.cid7153.Hippocampus.value)
        assert (entry.type_modifier.value, entry.type_modifier.meaning) == (modifier.value, modifier.meaning)
        assert entry.category.value == "123037004"
    assert (anterior.value, posterior.value) == (1, 2)


def test_the_shipped_hippocampus_metadata_is_strict_json() -> None:
    metadata = read_metadata(SOURCES / "hippocampus.metadata.json")
    assert metadata["licence"] == "CC-BY-SA-4.0"
    assert "Vanderbilt" in metadata["attribution"]


def test_names_are_recognised_with_sides_and_plurals() -> None:
    names = ("Kidney_Left", "right-lung", "Vertebra", "ribs", "left right liver", "lesion")
    entries = neutral_entries(LabelSystem(tuple((n, (i,)) for i, n in enumerate(names, 1)), heads=len(names) + 1))

    def short(entry: LabelEntry) -> tuple:
        return entry.type.meaning, entry.type_modifier and entry.type_modifier.meaning

    assert [short(e) for e in entries] == [
        ("Kidney", "Left"),
        ("Lung", "Right"),
        ("Vertebra", None),
        ("Rib", None),
        ("Liver", None),
        ("Tissue", None),
    ]


def test_regions_take_the_name_of_what_is_painted() -> None:
    assert names_of(LabelSystem((("whole", (1, 2)), ("core", (2,))), heads=2, region_order=(1, 2))) == [
        (1, "whole"),
        (2, "core"),
    ]
    twice = LabelSystem((("whole", (1, 2)), ("core", (2,))), heads=2, region_order=(1, 1))
    assert names_of(twice) == [(1, "whole / core")]


def test_neighbouring_colours_differ_clearly() -> None:
    system = LabelSystem(tuple((str(i), (i,)) for i in range(1, 61)), heads=61)
    colors = [e.color for e in neutral_entries(system)]
    assert len(set(colors)) == 60
    assert all(sum(abs(a - b) for a, b in zip(x, y)) > 100 for x, y in zip(colors, colors[1:]))
