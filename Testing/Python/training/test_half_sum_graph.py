"""The embedded ONNX files are what their comments say."""

from __future__ import annotations

import onnx

from kdseg.inference import head_sum
from kdseg.inference.half_sum import graph


def test_the_graph_is_the_documented_one():
    model = onnx.load_from_string(graph())
    onnx.checker.check_model(model, full_check=True)
    nodes = [(n.op_type, list(n.input), list(n.output), [a.i for a in n.attribute]) for n in model.graph.node]
    assert nodes == [
        ("Mul", ["logits", "weights"], ["weighted"], []),
        ("Cast", ["sums"], ["s32"], [onnx.TensorProto.FLOAT]),
        ("Add", ["s32", "weighted"], ["a"], []),
        ("Cast", ["a"], ["out"], [onnx.TensorProto.FLOAT16]),
    ]
    assert (model.opset_import[0].version, model.ir_version) == (13, 8)


def test_the_graph_with_a_last_layer_is_the_documented_one():
    model = onnx.load_from_string(head_sum.graph())
    onnx.checker.check_model(model, full_check=True)
    nodes = [(n.op_type, list(n.input), list(n.output), [a.i for a in n.attribute]) for n in model.graph.node]
    assert nodes == [
        ("MatMul", ["weights", "features"], ["weighted"], []),
        ("Cast", ["sums"], ["s32"], [onnx.TensorProto.FLOAT]),
        ("Add", ["s32", "weighted"], ["a"], []),
        ("Cast", ["a"], ["out"], [onnx.TensorProto.FLOAT16]),
    ]
    assert (model.opset_import[0].version, model.ir_version) == (13, 8)
