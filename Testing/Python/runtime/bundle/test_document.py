"""Schema versions and the typed view of ``bundle.json``."""

from __future__ import annotations

import json
from typing import Any, Dict

import pytest

from kdseg.bundle.document import parse_document
from kdseg.errors import BundleSchemaError
from kdseg.sides import SideExchange


def parse(document: Dict[str, Any]):
    return parse_document(json.dumps(document).encode(), "x.kdseg.zip")


def test_the_typed_view(tiny_document: Dict[str, Any]) -> None:
    document = parse(tiny_document)
    assert (document.name, document.version, document.configuration) == ("tiny", "1.0.0", "3d_fullres")
    assert document.mirroring_axes == (0, 1, 2)
    assert document.classes == ((1, "A"), (2, "B"))
    assert document.tile_step_size == 0.5
    assert set(document.members) == {"plans.json", "dataset.json", "model.onnx", "labels.csv", "selftest.npz"}


def exchanging(document: Dict[str, Any], classes: Any, axis: int = 2) -> Dict[str, Any]:
    return {**document, "inference": {**document["inference"], "side_exchange": {"axis": axis, "classes": classes}}}


def test_sides_that_are_exchanged(tiny_document: Dict[str, Any]) -> None:
    assert parse(tiny_document).side_exchange is None
    assert parse(exchanging(tiny_document, [0, 2, 1], axis=1)).side_exchange == SideExchange((0, 2, 1), axis=1)


@pytest.mark.parametrize("classes", [[0, 2, 0], [0, 3, 2], [1, 2, 0]])
def test_classes_that_are_not_each_others_side_are_refused(tiny_document: Dict[str, Any], classes: Any) -> None:
    with pytest.raises(BundleSchemaError, match="side_exchange does not pair the classes"):
        parse(exchanging(tiny_document, classes))


def test_a_newer_schema_asks_for_an_update(tiny_document: Dict[str, Any]) -> None:
    with pytest.raises(BundleSchemaError) as caught:
        parse({**tiny_document, "schema_version": 2, "new": "thing"})
    assert caught.value.remedy == "Update KDSegmentator."
    assert caught.value.found == "schema version 2"


@pytest.mark.parametrize("version", [0, -1, True, "1", None, [1]])
def test_an_unknown_schema_version_is_refused(tiny_document: Dict[str, Any], version: Any) -> None:
    with pytest.raises(BundleSchemaError, match="schema version of the student is unknown"):
        parse({**tiny_document, "schema_version": version})


def test_a_fault_names_the_key(tiny_document: Dict[str, Any]) -> None:
    del tiny_document["research_use_notice"]
    with pytest.raises(BundleSchemaError, match=r"bundle\.json\.research_use_notice does not follow the schema"):
        parse(tiny_document)
