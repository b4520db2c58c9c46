"""The gate in front of ONNX Runtime, one reason to refuse after the other."""

from __future__ import annotations

from typing import Dict

import pytest

from kdseg.bundle.onnx_gate import check_model
from kdseg.errors import BundleModelError
from kdseg_testing.wire import graph, message, model, node, port, tensor


def check(content: bytes, channels: int = 1, heads: int = 1, spatial_axes: int = 3):
    return check_model(content, channels=channels, heads=heads, spatial_axes=spatial_axes, source="x")


def attribute(*parts) -> bytes:
    """A node with one attribute."""
    return node((5, message((1, "a"), *parts)))


EXTERNAL = tensor((13, message((1, "location"), (2, "weights.bin"))))
LOCATED = tensor((14, 1))

REFUSED: Dict[str, tuple] = {
    "external data": (model(body=graph((5, EXTERNAL))), "external data"),
    "external location": (model(body=graph((5, LOCATED))), "external data"),
    "external in an attribute": (model(body=graph(nodes=(attribute((5, EXTERNAL)),))), "external data"),
    "external in a list of tensors": (model(body=graph(nodes=(attribute((10, tensor()), (10, LOCATED)),))), "external data"),
    "external in a subgraph": (model(body=graph(nodes=(attribute((6, graph((5, EXTERNAL)))),))), "external data"),
    "external in a list of graphs": (model(body=graph(nodes=(attribute((11, graph((5, LOCATED)))),))), "external data"),
    "a function": (model((25, message((1, "f")))), "functions"),
    "training information": (model((20, b"")), "training_info"),
    "a sparse tensor": (model(body=graph((15, b""))), "sparse_initializer"),
    "a sparse attribute": (model(body=graph(nodes=(attribute((22, b"")),))), "sparse_tensor"),
    "a segment": (model(body=graph((5, tensor((3, b""))))), "segments"),
    "a foreign operator": (model(body=graph(nodes=(node((7, "com.microsoft")),))), "foreign domain 'com.microsoft'"),
    "a foreign operator in a subgraph": (
        model(body=graph(nodes=(attribute((6, graph(nodes=(node((7, "evil")),)))),))),
        "foreign domain 'evil'",
    ),
    "a foreign operator set": (model(domain="ai.onnx.ml"), "foreign domain 'ai.onnx.ml'"),
    "a second operator set": (model((8, message((1, "ai.onnx"), (2, 17)))), "2 operator sets"),
    "no operator set": (message((1, 8), (7, graph())), "0 operator sets"),
    "an overload": (model(body=graph(nodes=(node((8, "o")),))), "overloaded"),
    "a newer operator set": (model(opset=22), "operator set 22"),
    "an older operator set": (model(opset=6), "operator set 6"),
    "a newer file format": (model(ir_version=11), "IR version 11"),
    "an older file format": (model(ir_version=3), "IR version 3"),
    "a negative file format": (model(ir_version=-8), "IR version -8"),
    "no file format": (message((8, message((2, 17))), (7, graph())), "no ir_version"),
    "no graph": (message((1, 8), (8, message((2, 17)))), "no graph"),
    "a second graph": (model((7, graph())), "graph is there twice"),
    "an unknown field": (model((99, "x")), "unknown field 99"),
    "a wrong wire type": (message((1, "8"), (7, graph())), "wire type 2"),
    "a group": (model() + b"\x0b\x0c", "wire type 3"),
    "another input name": (model(body=graph(image=port("input", (1, 1, "z", "y", "x")))), "'input' instead of image"),
    "another output name": (model(body=graph(logits=port("out", (1, 1, "z", "y", "x")))), "'out' instead of logits"),
    "a second input": (model(body=graph((11, port("more", (1,))))), "2 inputs"),
    "a second output": (model(body=graph((12, port("more", (1,))))), "2 outputs"),
    "other channels": (model(body=graph(image=port("image", (1, 2, "z", "y", "x")))), "shape (1, 2, 'z'"),
    "other heads": (model(body=graph(logits=port("logits", (1, 7, "z", "y", "x")))), "shape (1, 7, 'z'"),
    "another batch": (model(body=graph(image=port("image", ("n", 1, "z", "y", "x")))), "shape ('n', 1"),
    "fixed axes": (model(body=graph(image=port("image", (1, 1, 8, 8, 8)))), "shape (1, 1, 8"),
    "swapped axes": (model(body=graph(image=port("image", (1, 1, "x", "y", "z")))), "shape (1, 1, 'x'"),
    "another rank": (model(body=graph(image=port("image", (1, 1, "y", "x")))), "shape (1, 1, 'y', 'x')"),
    "doubles": (model(body=graph(image=port("image", (1, 1, "z", "y", "x"), element=11))), "element type 11"),
    "nothing": (b"", "no ir_version"),
    "text": (b"no model at all", "ModelProto"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_reason_to_refuse(case: str, sessions: list) -> None:
    content, message_part = REFUSED[case]
    with pytest.raises(BundleModelError) as caught:
        check(content)
    assert message_part in caught.value.found
    assert sessions == []


def test_a_plain_network_passes() -> None:
    facts = check(model(body=graph((5, tensor()))))
    assert (facts.ir_version, facts.opset, facts.operators) == (8, 17, {"Identity"})
    assert check(model(domain="ai.onnx", ir_version=10, opset=21)).opset == 21
    assert check(model(body=graph(nodes=(attribute((6, graph())), node((7, "ai.onnx")))))).operators == {"Identity"}


def test_slices_have_two_axes() -> None:
    flat = graph(image=port("image", (1, 3, "y", "x")), logits=port("logits", (1, 4, "y", "x")))
    assert check(model(body=flat), channels=3, heads=4, spatial_axes=2).opset == 17


def test_graphs_nested_without_end_are_refused() -> None:
    body = graph()
    for _ in range(50):
        body = graph(nodes=(attribute((6, body)),))
    with pytest.raises(BundleModelError, match="nested"):
        check(model(body=body))


def test_every_truncation_of_a_real_network_is_refused(tiny_members: Dict[str, bytes]) -> None:
    content = tiny_members["model.onnx"]
    assert check(content, heads=3).opset == 17
    for length in [*range(0, 200), *range(200, len(content), 97)]:
        with pytest.raises(BundleModelError):
            check(content[:length], heads=3)


def test_an_endless_number_is_refused() -> None:
    with pytest.raises(BundleModelError, match="more than 64 bits"):
        check(b"\x08" + b"\xff" * 20)
