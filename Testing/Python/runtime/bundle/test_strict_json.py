"""Each loophole of JSON is closed."""

from __future__ import annotations

import pytest

from kdseg.bundle.strict_json import dump_json, parse_json_object
from kdseg.errors import BundleSchemaError


def test_plain_json_comes_back() -> None:
    value = {"z": [1, 2.5, None, True], "a": {"ü": "×"}}
    assert parse_json_object(dump_json(value), "x") == value
    assert list(parse_json_object(dump_json(value), "x")) == ["z", "a"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b'{"a": 1, "a": 1}', "twice: a"),
        (b'{"a": {"b": 1, "b": 2}}', "twice: b"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": "\\ud800"}', "surrogates"),
        (b'{"a": "\xff"}', "utf-8"),
        (b'\xef\xbb\xbf{"a": 1}', "BOM"),
        (b"[1]", "list"),
        (b"{", "Expecting"),
        (b"", "Expecting"),
        (b'{"a":' * 100_000, "recursion"),
    ],
)
def test_a_loophole_is_refused(text: bytes, found: str) -> None:
    with pytest.raises(BundleSchemaError) as caught:
        parse_json_object(text, "x.json")
    assert found.lower() in caught.value.found.lower()
    assert caught.value.path == "x.json"
