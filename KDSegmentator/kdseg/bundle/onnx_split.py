"""Taking the last layer off a network, in memory.

The last layer of nnU-Net's networks is a convolution with a kernel of one voxel, which turns a few features into one logit for
each class. Inside ONNX Runtime its output is by far the largest array of a run: 114 classes where a narrow student has 8
features. Taken off, it can be applied to a few thousand voxels at a time, just where its result is added to the sums
(:mod:`kdseg.inference.head_sum`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.bundle import onnx_messages as onnx
from kdseg.bundle.protobuf import Field, Value, integers, message, number, read_message, text, texts
from kdseg.bundle.protobuf_writer import write_message
from kdseg.errors import BundleModelError

_FLOAT32 = 1

Message = Dict[str, List[Value]]


@dataclass(frozen=True)
class SplitNetwork:
    """A network without its last layer, and that layer.

    Attributes
    ----------
    trunk
        ONNX file whose only output are the features that the last layer takes, shape (1, feature, …spatial).
    weights
        The last layer, shape (head, feature), float32: logits = weights · features + bias at every voxel.
    bias
        Shape (head,), float32.
    """

    trunk: bytes
    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]


def split_network(model: bytes, source: str = "model.onnx") -> Optional[SplitNetwork]:
    """Take the last layer off a network if that makes its output smaller.

    Parameters
    ----------
    model
        A file that passed :func:`kdseg.bundle.onnx_gate.check_model`.
    source
        Named in errors.

    Returns
    -------
    SplitNetwork or None
        None where the last layer is not a plain pointwise convolution in single precision, or has no more heads than features.

    Raises
    ------
    BundleModelError
        If the file is damaged.
    """
    try:
        return _split(model)
    except (KeyError, IndexError, ValueError) as error:  # damaged protobuf is a ValueError
        raise BundleModelError(
            "The network cannot be taken apart.",
            found=f"{type(error).__name__}: {error}",
            path=source,
            remedy="Export the student again with `kdseg-training export`.",
        ) from error


def _split(model: bytes) -> Optional[SplitNetwork]:
    parts = read_message(memoryview(model), onnx.MODEL, "ModelProto")
    graph = read_message(message(parts["graph"][0], "graph"), onnx.GRAPH, "GraphProto")
    nodes = [read_message(message(node, "node"), onnx.NODE, "NodeProto") for node in graph.get("node", [])]
    initializers = {_name(data, onnx.TENSOR): message(data, "initializer") for data in graph.get("initializer", [])}
    output = _name(graph["output"][0], onnx.VALUE_INFO)
    makers = {name: index for index, node in enumerate(nodes) for name in texts(node.get("output", []), "output")}
    users = {name for node in nodes for name in texts(node.get("input", []), "input")}
    if output not in makers or output in users:
        return None
    last = makers[output]
    layer = _pointwise(nodes[last], initializers)
    if layer is None or len(layer[0]) <= layer[0].shape[1]:
        return None
    features = texts(nodes[last].get("input", []), "input")[0]
    if features not in makers:
        return None
    kept = [node for index, node in enumerate(graph["node"]) if index != last]
    told = [port for port in graph.get("value_info", []) if _name(port, onnx.VALUE_INFO) != features]
    port = _port(message(graph["output"][0], "output"), features, layer[0].shape[1])
    trunk: Message = {**graph, "node": kept, "value_info": told, "output": [port]}
    rewritten: Message = {**parts, "graph": [memoryview(write_message(trunk, onnx.GRAPH))]}
    return SplitNetwork(write_message(rewritten, onnx.MODEL), *layer)


def _pointwise(
    node: Mapping[str, List[Value]], initializers: Mapping[str, memoryview]
) -> Optional[Tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
    """Return weights (head, feature) and bias (head,) of a convolution with a kernel, stride and group of 1; else None."""
    if text(node["op_type"][0], "op_type") != "Conv" or not _is_plain(node):
        return None
    names = texts(node.get("input", []), "input")[1:]
    tensors = [_float_tensor(initializers[name]) if name in initializers else None for name in names]
    if not tensors or any(tensor is None for tensor in tensors):
        return None
    weights = tensors[0]
    if weights is None or any(n != 1 for n in weights.shape[2:]):
        return None
    flat = weights.reshape(weights.shape[:2])
    bias = tensors[1] if len(tensors) > 1 else np.zeros(len(flat), np.float32)
    return None if bias is None or bias.shape != (len(flat),) else (flat, bias)


def _is_plain(node: Mapping[str, List[Value]]) -> bool:
    """Tell whether a convolution has no padding, a stride of 1 and one group; dilation means nothing to one voxel."""
    for entry in node.get("attribute", []):
        fields = read_message(message(entry, "attribute"), onnx.ATTRIBUTE, "AttributeProto")
        name = text(fields["name"][0], "name")
        if name == "auto_pad" and text(fields["s"][0], "s") not in ("NOTSET", "VALID"):
            return False
        if name == "pads" and any(integers(fields["ints"], name)):
            return False
        if name == "strides" and set(integers(fields["ints"], name)) != {1}:
            return False
        if name == "group" and number(fields["i"][0], name) != 1:
            return False
    return True


def _float_tensor(data: memoryview) -> Optional[npt.NDArray[np.float32]]:
    tensor = read_message(data, onnx.TENSOR, "TensorProto")
    if number(tensor["data_type"][0], "data_type") != _FLOAT32 or "raw_data" not in tensor:
        return None
    values = np.frombuffer(message(tensor["raw_data"][0], "raw_data"), dtype="<f4").astype(np.float32)
    return values.reshape(integers(tensor.get("dims", []), "dims"))


def _port(output: memoryview, name: str, channels: int) -> memoryview:
    """Return an output like the given one, with another name and another number of channels."""
    info = read_message(output, onnx.VALUE_INFO, "ValueInfoProto")
    kind = read_message(message(info["type"][0], "type"), onnx.TYPE, "TypeProto")
    tensor = read_message(message(kind["tensor_type"][0], "tensor_type"), onnx.TENSOR_TYPE, "TypeProto.Tensor")
    shape = read_message(message(tensor["shape"][0], "shape"), onnx.SHAPE, "TensorShapeProto")
    shape["dim"][1] = memoryview(write_message({"dim_value": [channels]}, onnx.DIMENSION))
    tensor["shape"] = [memoryview(write_message(shape, onnx.SHAPE))]
    kind["tensor_type"] = [memoryview(write_message(tensor, onnx.TENSOR_TYPE))]
    info["type"] = [memoryview(write_message(kind, onnx.TYPE))]
    info["name"] = [memoryview(name.encode())]
    return memoryview(write_message(info, onnx.VALUE_INFO))


def _name(data: Value, fields: Mapping[int, Field]) -> str:
    return text(read_message(message(data, "name"), fields, "entry")["name"][0], "name")
