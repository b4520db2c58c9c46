"""What was read is written back, against the tests' own encoder and the examples of protobuf's documentation."""

from __future__ import annotations

import pytest

from kdseg.bundle import onnx_messages as onnx
from kdseg.bundle.protobuf import FIXED32, Field, bytes_like, integer, read_message, repeated
from kdseg.bundle.protobuf_writer import write_message
from kdseg_testing.wire import message, model

FIELDS = {1: integer("a"), 2: bytes_like("b"), 16: repeated("c"), 20: Field("f", (FIXED32,))}


def test_the_examples_of_the_documentation() -> None:
    assert write_message({"a": [150]}, FIELDS) == bytes.fromhex("089601")
    assert write_message({"b": [memoryview(b"testing")]}, FIELDS) == bytes.fromhex("120774657374696e67")


def test_fields_above_15_negative_numbers_and_repeated_fields() -> None:
    found = write_message({"c": [memoryview(b"x"), memoryview(b"y" * 200)], "a": [2**64 - 1]}, FIELDS)
    assert found == message((16, "x"), (16, "y" * 200), (1, -1))


def test_a_model_that_was_read_is_written_back() -> None:
    data = model()
    assert write_message(read_message(memoryview(data), onnx.MODEL, "ModelProto"), onnx.MODEL) == data


@pytest.mark.parametrize("values", [{"z": [1]}, {"f": [memoryview(b"1234")]}, {"a": [memoryview(b"")]}, {"b": [1]}])
def test_what_cannot_be_written_is_refused(values) -> None:
    with pytest.raises(ValueError, match=r"expected|cannot"):
        write_message(values, FIELDS)
