"""The runtime's gate reads files that the onnx package wrote."""

from __future__ import annotations

from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from kdseg.bundle.onnx_gate import check_model
from kdseg.errors import BundleModelError

AXES = ("z", "y", "x")


def external() -> TensorProto:
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    tensor.ClearField("float_data")
    tensor.raw_data = b"\0\0\x80\x3f"
    onnx.external_data_helper.set_external_data(tensor, "weights.bin")
    return tensor


def build(
    *, nodes: Any = None, initializers: Any = (), functions: Any = (), opset: int = 17, ir_version: int = 8, domain: str = ""
) -> bytes:
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, *AXES])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 1, *AXES])
    graph = helper.make_graph(
        nodes or [helper.make_node("Relu", ["image"], ["logits"])], "g", [image], [logits], list(initializers)
    )
    imports = [helper.make_opsetid(domain, opset)]
    return helper.make_model(graph, opset_imports=imports, functions=list(functions), ir_version=ir_version).SerializeToString()


def subgraph(tensor: TensorProto) -> Any:
    return helper.make_graph(
        [helper.make_node("Identity", ["w"], ["y"])], "s", [], [helper.make_empty_tensor_value_info("y")], [tensor]
    )


def check(content: bytes) -> Any:
    return check_model(content, channels=1, heads=1, spatial_axes=3)


def test_plain_networks_pass() -> None:
    weights = helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])
    assert check(build(initializers=[weights])).operators == {"Relu"}
    constant = helper.make_node("Constant", [], ["c"], value=helper.make_tensor("c", TensorProto.INT64, [1], [3]))
    branch = helper.make_node("If", ["c"], ["y"], then_branch=subgraph(weights), else_branch=subgraph(weights))
    nodes = [constant, branch, helper.make_node("LeakyRelu", ["image"], ["logits"], alpha=0.01)]
    assert check(build(nodes=nodes)).operators == {"Constant", "If", "Identity", "LeakyRelu"}


@pytest.mark.parametrize(
    "content",
    [
        build(initializers=[external()]),
        build(nodes=[helper.make_node("Constant", [], ["logits"], value=external())]),
        build(
            nodes=[
                helper.make_node(
                    "If", ["image"], ["logits"], then_branch=subgraph(external()), else_branch=subgraph(external())
                )
            ]
        ),
        build(
            functions=[
                helper.make_function(
                    "f", "F", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], [helper.make_opsetid("", 17)]
                )
            ]
        ),
        build(nodes=[helper.make_node("Gelu", ["image"], ["logits"], domain="com.microsoft")]),
        build(domain="com.microsoft"),
        build(opset=22),
        build(ir_version=11),
    ],
    ids=["initializer", "attribute", "subgraph", "function", "operator", "operator set", "opset 22", "IR 11"],
)
def test_what_a_student_must_not_have_is_refused(content: bytes) -> None:
    with pytest.raises(BundleModelError):
        check(content)
