"""The runtime's interpreter agrees with the jsonschema package over one good and hundreds of bad documents."""

from __future__ import annotations

import copy
import random
from typing import Any, Dict, Iterator, List, Tuple

import jsonschema
import pytest

from kdseg.bundle.schema import bundle_schema, faults

REPLACEMENTS = (None, True, -1, 0, 1, 1.0, 1.5, 10**9, "", "x", "x\x00", "A" * 5000, [], [1], [[1], [1]], {}, {"a": 1})

SAMPLE = 900
"""Of some 2,000 variants; the jsonschema package takes milliseconds for each."""

ESTIMATE = {"mean": 0.9, "n": 40, "interval": [0.88, 0.92], "confidence": 0.95}
OPTIONAL = {
    "summary": "A student.",
    "attribution": "By somebody.",
    "quality": {
        "test_set": "40 cases",
        "method": "mean over cases",
        "classes": [
            {"value": 1, "dice": ESTIMATE, "nsd": ESTIMATE, "nsd_tolerance_mm": 1.0, "hd95_mm": {**ESTIMATE, "mean": 1.4}}
        ],
    },
    "latency": [
        {"hardware": "2 cores", "threads": 2, "engine": "cpu", "task": "one case", "n": 64, "median_s": 0.5, "p90_s": 0.6}
    ],
}


def places(value: Any, path: Tuple[Any, ...] = ()) -> Iterator[Tuple[Any, ...]]:
    yield path
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def changed(document: Dict[str, Any], path: Tuple[Any, ...], *, delete: bool = False, to: Any = None) -> Dict[str, Any]:
    result = copy.deepcopy(document)
    parent = result
    for key in path[:-1]:
        parent = parent[key]
    if delete:
        del parent[path[-1]]
    else:
        parent[path[-1]] = to
    return result


def variants(document: Dict[str, Any]) -> Iterator[Dict[str, Any]]:
    for path in places(document):
        if path:
            yield changed(document, path, delete=True)
            for value in REPLACEMENTS:
                yield changed(document, path, to=value)
        parent: Any = document
        for key in path:
            parent = parent[key]
        if isinstance(parent, dict):
            yield changed(document, (*path, "unknown"), to="x")
        if isinstance(parent, list):
            yield changed(document, path, to=[*parent, *parent]) if path else document


def test_the_schema_is_a_valid_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(bundle_schema())


def test_the_interpreter_agrees_with_the_jsonschema_package(tiny_document: Dict[str, Any]) -> None:
    schema = bundle_schema()
    oracle = jsonschema.Draft202012Validator(schema)
    good, bad = 0, 0
    disagreements: List[Any] = []
    every = list(variants({**tiny_document, **OPTIONAL}))
    for document in (tiny_document, {**tiny_document, **OPTIONAL}, *random.Random(1).sample(every, SAMPLE)):
        expected = oracle.is_valid(document)
        if expected != (not list(faults(document, schema, schema))):
            disagreements.append(document)
        good, bad = good + expected, bad + (not expected)
    assert disagreements == []
    assert good > 100
    assert bad > 700


def test_the_complete_document_is_valid(tiny_document: Dict[str, Any]) -> None:
    schema = bundle_schema()
    assert list(faults({**tiny_document, **OPTIONAL}, schema, schema)) == []


def test_a_fault_names_its_place(tiny_document: Dict[str, Any]) -> None:
    schema = bundle_schema()
    tiny_document["classes"][1]["value"] = 0
    assert list(faults(tiny_document, schema, schema)) == [("bundle.json.classes[1].value", "at least 1", "0")]


def test_text_ends_where_the_pattern_ends(tiny_document: Dict[str, Any]) -> None:
    # The one place where the jsonschema package is wrong: Python's $ also matches before a final newline.
    schema = bundle_schema()
    tiny_document["name"] = "tiny\n"
    assert [place for place, _, _ in faults(tiny_document, schema, schema)] == ["bundle.json.name"]


def test_an_unknown_keyword_is_refused() -> None:
    with pytest.raises(ValueError, match="dependentRequired"):
        list(faults({}, {"dependentRequired": {}}, {}))
