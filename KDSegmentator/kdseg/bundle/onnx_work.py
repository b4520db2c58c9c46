"""How many floating-point operations a network needs for one patch, counted from its ONNX file.

Counted are convolutions and transposed convolutions: two operations for each multiplication with its addition, biases left out.
That is what torch's own counter (``torch.utils.flop_counter``) counts. Normalisation, activations, pooling, additions and
concatenations are followed for their shapes and not counted.
"""

from __future__ import annotations

import math
from typing import Dict, FrozenSet, List, Mapping, Sequence, Tuple

from kdseg.bundle import onnx_messages as onnx
from kdseg.bundle.protobuf import DamagedProtobuf, Value, integers, message, number, read_message, text, texts
from kdseg.errors import BundleModelError

Shape = Tuple[int, ...]

SAME_SHAPE: FrozenSet[str] = frozenset(
    {"InstanceNormalization", "BatchNormalization", "LeakyRelu", "Relu", "Identity", "Dropout", "Neg", "Sigmoid", "Tanh"}
)
"""Operators whose output has the shape of their first input."""

BROADCASTING: FrozenSet[str] = frozenset({"Add", "Sub", "Mul", "Div"})
POOLING: FrozenSet[str] = frozenset({"AveragePool", "MaxPool"})


def count_flops(model: bytes, channels: int, spatial_shape: Sequence[int], source: str = "model.onnx") -> int:
    """Count the operations of one pass.

    Parameters
    ----------
    model
        A file that passed :func:`kdseg.bundle.onnx_gate.check_model`.
    channels, spatial_shape
        Of the patch, without the batch.
    source
        Named in errors.

    Raises
    ------
    BundleModelError
        If the file is damaged, or has an operator whose output shape is not known here.
    """
    try:
        parts = read_message(memoryview(model), onnx.MODEL, "ModelProto")
        graph = read_message(message(parts["graph"][0], "graph"), onnx.GRAPH, "GraphProto")
        return _Counter(graph, (1, channels, *(int(n) for n in spatial_shape))).total()
    except (DamagedProtobuf, KeyError, IndexError, ZeroDivisionError) as error:
        raise BundleModelError(
            "The operations of the network cannot be counted.", found=f"{type(error).__name__}: {error}", path=source
        ) from error


class _Counter:
    def __init__(self, graph: Mapping[str, List[Value]], image: Shape) -> None:
        self._graph = graph
        self._shapes: Dict[str, Shape] = dict(_initializer(entry) for entry in graph.get("initializer", []))
        port = read_message(message(graph["input"][0], "input"), onnx.VALUE_INFO, "ValueInfoProto")
        self._shapes[text(port["name"][0], "name")] = image

    def total(self) -> int:
        return sum(self._node(message(node, "node")) for node in self._graph.get("node", []))

    def _node(self, data: memoryview) -> int:
        """Enter the shape of the node's output and return its operations."""
        node = read_message(data, onnx.NODE, "NodeProto")
        operator = text(node["op_type"][0], "op_type")
        inputs = [self._shapes[name] for name in texts(node.get("input", []), "input") if name]
        attributes = _Attributes(node)
        shape, flops = _apply(operator, inputs, attributes)
        self._shapes[texts(node.get("output", []), "output")[0]] = shape
        return flops


def _apply(operator: str, inputs: Sequence[Shape], attributes: _Attributes) -> Tuple[Shape, int]:
    first = inputs[0]
    if operator in SAME_SHAPE:
        return first, 0
    if operator in BROADCASTING:
        return _broadcast(inputs), 0
    if operator == "Concat":
        axis = attributes.one("axis", 1) % len(first)
        return (*first[:axis], sum(shape[axis] for shape in inputs), *first[axis + 1 :]), 0
    if operator in POOLING:
        return (*first[:2], *_windows(first[2:], attributes.kernel, attributes)), 0
    if operator == "Conv":
        weights = inputs[1]
        out = _windows(first[2:], weights[2:], attributes)
        return (first[0], weights[0], *out), 2 * first[0] * math.prod(weights) * math.prod(out)
    if operator == "ConvTranspose":
        weights = inputs[1]
        shape = (first[0], weights[1] * attributes.one("group", 1), *_transposed(first[2:], weights[2:], attributes))
        return shape, 2 * first[0] * math.prod(weights) * math.prod(first[2:])
    raise DamagedProtobuf(f"the operator {operator} is not known to the counter")


class _Attributes:
    """The integers among a node's attributes."""

    def __init__(self, node: Mapping[str, List[Value]]) -> None:
        self._values: Dict[str, List[int]] = {}
        for entry in node.get("attribute", []):
            fields = read_message(message(entry, "attribute"), onnx.ATTRIBUTE, "AttributeProto")
            name = text(fields["name"][0], "name")
            if name == "auto_pad" and text(fields["s"][0], "s") != "NOTSET":
                raise DamagedProtobuf("automatic padding is not known to the counter")
            if "i" in fields:
                self._values[name] = [number(fields["i"][0], name)]
            elif "ints" in fields:
                self._values[name] = integers(fields["ints"], name)

    def has(self, name: str) -> bool:
        return name in self._values

    def one(self, name: str, default: int) -> int:
        return self._values.get(name, [default])[0]

    def many(self, name: str, default: int, count: int) -> Sequence[int]:
        values = self._values.get(name, [default] * count)
        if len(values) != count:
            raise DamagedProtobuf(f"{name} has {len(values)} values instead of {count}")
        return values

    @property
    def kernel(self) -> Sequence[int]:
        return self._values["kernel_shape"]


def _windows(size: Shape, kernel: Sequence[int], attributes: _Attributes) -> Shape:
    """Return the shape after a convolution or pooling: ⌊(n + pads − dilated kernel) / stride⌋ + 1, or rounded up."""
    axes = len(size)
    strides, dilations = attributes.many("strides", 1, axes), attributes.many("dilations", 1, axes)
    pads = attributes.many("pads", 0, 2 * axes)
    up = attributes.one("ceil_mode", 0)
    out = []
    for axis, (n, k, s, d) in enumerate(zip(size, kernel, strides, dilations)):
        free = n + pads[axis] + pads[axis + axes] - ((k - 1) * d + 1)
        out.append((-(-free // s) if up else free // s) + 1)
    return tuple(out)


def _transposed(size: Shape, kernel: Sequence[int], attributes: _Attributes) -> Shape:
    axes = len(size)
    if attributes.has("output_shape"):
        raise DamagedProtobuf("a transposed convolution with a fixed output shape is not known to the counter")
    strides, dilations = attributes.many("strides", 1, axes), attributes.many("dilations", 1, axes)
    pads, extra = attributes.many("pads", 0, 2 * axes), attributes.many("output_padding", 0, axes)
    return tuple(
        s * (n - 1) + e + (k - 1) * d + 1 - pads[axis] - pads[axis + axes]
        for axis, (n, k, s, d, e) in enumerate(zip(size, kernel, strides, dilations, extra))
    )


def _broadcast(shapes: Sequence[Shape]) -> Shape:
    rank = max(len(shape) for shape in shapes)
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    return tuple(max(sizes) for sizes in zip(*padded))


def _initializer(entry: Value) -> Tuple[str, Shape]:
    tensor = read_message(message(entry, "initializer"), onnx.TENSOR, "TensorProto")
    return text(tensor["name"][0], "name"), tuple(integers(tensor.get("dims", []), "dims"))
