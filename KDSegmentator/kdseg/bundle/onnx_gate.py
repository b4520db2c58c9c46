"""The gate in front of ONNX Runtime: only a plain, self-contained network with the expected input and output passes.

ONNX Runtime follows external data to other files, loads operators of foreign domains where a library offers them, and reads
many damaged files without a word. This gate reads the file first, with nothing but :mod:`kdseg.bundle.protobuf`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, FrozenSet, List, Set, Tuple, Union

from kdseg.bundle import onnx_messages as onnx
from kdseg.bundle.protobuf import DamagedProtobuf, Value, message, number, read_message, text
from kdseg.errors import BundleModelError

HIGHEST_IR_VERSION = 10
"""Newest file format that ONNX Runtime 1.19 reads."""

LOWEST_IR_VERSION = 4
"""Before this version weights had to be listed as inputs."""

HIGHEST_OPSET = 21
"""Newest operator set that ONNX Runtime 1.19 implements."""

LOWEST_OPSET = 7
"""Oldest operator set that ONNX Runtime promises to run."""

STANDARD_DOMAINS = frozenset({"", "ai.onnx"})
"""The two names of the standard operator domain."""

INPUT_NAME = "image"
OUTPUT_NAME = "logits"

DEEPEST_SUBGRAPH = 8
"""Graphs inside attributes of graphs; the exporter writes none at all."""

_FLOAT32 = 1
_DEFAULT_LOCATION = 0
_SPATIAL_NAMES = {2: ("y", "x"), 3: ("z", "y", "x")}

Dimension = Union[int, str, None]


@dataclass(frozen=True)
class ModelFacts:
    """What the gate saw: versions of file format and operator set, and the operators in use."""

    ir_version: int
    opset: int
    operators: FrozenSet[str]


def check_model(model: bytes, *, channels: int, heads: int, spatial_axes: int, source: str = "model.onnx") -> ModelFacts:
    """Check an ONNX file without opening it in ONNX Runtime.

    Parameters
    ----------
    model
        The file.
    channels, heads
        Channels of the input ``image`` and of the output ``logits``, both float32 with a batch of 1.
    spatial_axes
        2 or 3; the spatial axes are dynamic and named (z, y, x) or (y, x).
    source
        Named in errors.

    Returns
    -------
    ModelFacts
        Versions and operators.

    Raises
    ------
    BundleModelError
        If the file is damaged, refers to other files, has functions, training information, sparse tensors or operators of a
        foreign domain, is newer than ONNX Runtime 1.19 reads, or has another input or output.
    """
    try:
        return _check(memoryview(model), channels, heads, spatial_axes)
    except DamagedProtobuf as error:
        raise _refused("The ONNX file is damaged or not of a known version.", str(error), source) from error
    except _Refused as error:
        raise _refused("The ONNX file is not acceptable.", str(error), source) from error


class _Refused(Exception):
    """A reason to refuse a file that is intact."""


def _refused(problem: str, found: str, source: str) -> BundleModelError:
    return BundleModelError(
        problem,
        expected="one self-contained network of standard operators",
        found=found[:300],
        path=source,
        remedy="Export the student again with `kdseg-training export`.",
    )


def _check(data: memoryview, channels: int, heads: int, spatial_axes: int) -> ModelFacts:
    model = read_message(data, onnx.MODEL, "ModelProto")
    ir_version = number(_single(model, "ir_version", "ModelProto"), "ir_version")
    if not LOWEST_IR_VERSION <= ir_version <= HIGHEST_IR_VERSION:
        raise _Refused(f"IR version {ir_version}; {LOWEST_IR_VERSION} to {HIGHEST_IR_VERSION} are read")
    for name in ("functions", "training_info"):
        if name in model:
            raise _Refused(f"{name} in the model")
    opset = _check_opset(model.get("opset_import", []))
    operators: Set[str] = set()
    graph = _check_graph(message(_single(model, "graph", "ModelProto"), "graph"), operators, depth=0)
    spatial = _SPATIAL_NAMES[spatial_axes]
    _check_port(graph.get("input", []), INPUT_NAME, (1, channels, *spatial), "input")
    _check_port(graph.get("output", []), OUTPUT_NAME, (1, heads, *spatial), "output")
    return ModelFacts(ir_version, opset, frozenset(operators))


def _single(values: Dict[str, List[Value]], name: str, what: str) -> Value:
    if name not in values:
        raise DamagedProtobuf(f"{what} has no {name}")
    return values[name][0]


def _check_opset(imports: List[Value]) -> int:
    versions: List[int] = []
    for entry in imports:
        fields = read_message(message(entry, "opset_import"), onnx.OPERATOR_SET, "OperatorSetIdProto")
        _check_domain(fields, "an operator set")
        versions.append(number(_single(fields, "version", "OperatorSetIdProto"), "version"))
    if len(versions) != 1:
        raise _Refused(f"{len(versions)} operator sets instead of one")
    if not LOWEST_OPSET <= versions[0] <= HIGHEST_OPSET:
        raise _Refused(f"operator set {versions[0]}; {LOWEST_OPSET} to {HIGHEST_OPSET} are read")
    return versions[0]


def _check_domain(fields: Dict[str, List[Value]], what: str) -> None:
    domain = text(fields.get("domain", [memoryview(b"")])[0], "domain")
    if domain not in STANDARD_DOMAINS:
        raise _Refused(f"{what} of the foreign domain {domain!r}")


def _check_graph(data: memoryview, operators: Set[str], depth: int) -> Dict[str, List[Value]]:
    if depth > DEEPEST_SUBGRAPH:
        raise _Refused(f"graphs nested more than {DEEPEST_SUBGRAPH} deep")
    graph = read_message(data, onnx.GRAPH, "GraphProto")
    for name in ("sparse_initializer", "quantization_annotation"):
        if name in graph:
            raise _Refused(f"{name} in a graph")
    for tensor in graph.get("initializer", []):
        _check_tensor(message(tensor, "initializer"))
    for node in graph.get("node", []):
        _check_node(message(node, "node"), operators, depth)
    return graph


def _check_node(data: memoryview, operators: Set[str], depth: int) -> None:
    node = read_message(data, onnx.NODE, "NodeProto")
    operator = text(_single(node, "op_type", "NodeProto"), "op_type")
    _check_domain(node, f"the operator {operator}")
    if "overload" in node:
        raise _Refused(f"an overloaded operator {operator}")
    operators.add(operator)
    for attribute in node.get("attribute", []):
        _check_attribute(message(attribute, "attribute"), operators, depth)


def _check_attribute(data: memoryview, operators: Set[str], depth: int) -> None:
    attribute = read_message(data, onnx.ATTRIBUTE, "AttributeProto")
    for name in ("sparse_tensor", "sparse_tensors", "ref_attr_name"):
        if name in attribute:
            raise _Refused(f"{name} in an attribute")
    for tensor in attribute.get("t", []) + attribute.get("tensors", []):
        _check_tensor(message(tensor, "tensor"))
    for graph in attribute.get("g", []) + attribute.get("graphs", []):
        _check_graph(message(graph, "graph"), operators, depth + 1)


def _check_tensor(data: memoryview) -> None:
    tensor = read_message(data, onnx.TENSOR, "TensorProto")
    location = number(tensor.get("data_location", [_DEFAULT_LOCATION])[0], "data_location")
    if "external_data" in tensor or location != _DEFAULT_LOCATION:
        raise _Refused("weights in another file (external data)")
    if "segment" in tensor:
        raise _Refused("a tensor in segments")


def _check_port(ports: List[Value], name: str, expected: Tuple[Union[int, str], ...], what: str) -> None:
    if len(ports) != 1:
        raise _Refused(f"{len(ports)} {what}s instead of one named {name}")
    info = read_message(message(ports[0], what), onnx.VALUE_INFO, "ValueInfoProto")
    found_name = text(_single(info, "name", "ValueInfoProto"), "name")
    if found_name != name:
        raise _Refused(f"the {what} {found_name!r} instead of {name}")
    element, shape = _tensor_type(message(_single(info, "type", "ValueInfoProto"), "type"))
    if element != _FLOAT32:
        raise _Refused(f"the {what} has element type {element} instead of float32 ({_FLOAT32})")
    if shape != expected:
        raise _Refused(f"the {what} has shape {shape} instead of {expected}")


def _tensor_type(data: memoryview) -> Tuple[int, Tuple[Dimension, ...]]:
    kind = read_message(data, onnx.TYPE, "TypeProto")
    tensor = read_message(
        message(_single(kind, "tensor_type", "TypeProto"), "tensor_type"), onnx.TENSOR_TYPE, "TypeProto.Tensor"
    )
    shape = read_message(message(_single(tensor, "shape", "TypeProto.Tensor"), "shape"), onnx.SHAPE, "TensorShapeProto")
    dimensions = tuple(_dimension(message(d, "dim")) for d in shape.get("dim", []))
    return number(_single(tensor, "elem_type", "TypeProto.Tensor"), "elem_type"), dimensions


def _dimension(data: memoryview) -> Dimension:
    fields = read_message(data, onnx.DIMENSION, "TensorShapeProto.Dimension")
    if "dim_value" in fields and "dim_param" in fields:
        raise DamagedProtobuf("a dimension has both a size and a name")
    if "dim_value" in fields:
        return number(fields["dim_value"][0], "dim_value")
    if "dim_param" in fields:
        return text(fields["dim_param"][0], "dim_param")
    return None
