"""The embedded ONNX files are what their comments say."""

from __future__ import annotations

import onnx
import pytest

from kdseg.inference import half_sum, head_sum


@pytest.mark.parametrize(
    ("graph", "first"),
    [
        (half_sum.graph, ("Mul", ["logits", "weights"], ["weighted"], [])),
        (head_sum.graph, ("MatMul", ["weights", "features"], ["weighted"], [])),
    ],
    ids=["logits", "features"],
)
def test_the_graph_is_the_documented_one(graph, first):
    model = onnx.load_from_string(graph())
    onnx.checker.check_model(model, full_check=True)
    nodes = [(n.op_type, list(n.input), list(n.output), [a.i for a in n.attribute]) for n in model.graph.node]
    assert nodes == [
        first,
        ("Cast", ["sums"], ["s32"], [onnx.TensorProto.FLOAT]),
        ("Add", ["s32", "weighted"], ["a"], []),
        ("Cast", ["a"], ["out"], [onnx.TensorProto.FLOAT16]),
    ]
    assert (model.opset_import[0].version, model.ir_version) == (13, 8)
