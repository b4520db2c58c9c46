"""From a torch network to ONNX bytes that ONNX Runtime 1.19 and the newest read alike.

torch's TorchScript exporter is used on purpose: the newer one cannot keep the spatial axes of a U-Net dynamic, because it finds
that skip connections fit only for multiples of the strides.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any, Dict, Sequence, Tuple, cast

from kdseg import __version__
from kdseg.bundle.onnx_gate import INPUT_NAME, OUTPUT_NAME
from kdseg.errors import ExportError

if TYPE_CHECKING:
    import onnx
    import torch

OPSET = 17
"""Operator set that is written: the newest that torch's TorchScript exporter writes without conversion, old enough for all."""

IR_VERSION = 8
"""File format that is written; the one that came with operator set 17."""

_SPATIAL_NAMES = {2: ("y", "x"), 3: ("z", "y", "x")}


def export_onnx(network: torch.nn.Module, channels: int, heads: int, spatial_shape: Sequence[int]) -> bytes:
    """Return the ONNX file of a network: input ``image``, output ``logits``, batch 1, dynamic spatial axes.

    Parameters
    ----------
    network
        In inference mode, without deep supervision.
    channels, heads
        Channels of input and output.
    spatial_shape
        Any shape that the network takes; it is not kept.

    Raises
    ------
    ExportError
        If torch cannot export the network.
    """
    import onnx
    import torch

    names = _SPATIAL_NAMES[len(spatial_shape)]
    axes: Dict[int, str] = dict(enumerate(names, start=2))
    file = io.BytesIO()
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # deprecation and tracing notes of the exporter; the result is compared with torch
            cast(Any, torch.onnx.export)(
                network,
                (torch.zeros(1, channels, *spatial_shape),),
                file,
                dynamo=False,
                opset_version=OPSET,
                input_names=[INPUT_NAME],
                output_names=[OUTPUT_NAME],
                dynamic_axes={INPUT_NAME: axes, OUTPUT_NAME: axes},
            )
    except (RuntimeError, ValueError, TypeError, torch.onnx.OnnxExporterError) as error:
        raise ExportError("torch cannot export the network to ONNX.", found=str(error)[:200]) from error
    model = onnx.load_from_string(file.getvalue())
    _neutralise(model)
    for port, size in ((model.graph.input[0], channels), (model.graph.output[0], heads)):
        _name_axes(port, size, names)
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _neutralise(model: onnx.ModelProto) -> None:
    """Remove what depends on the machine or the moment, and name the producer."""
    model.ir_version = IR_VERSION
    model.producer_name = "kdseg-training"
    model.producer_version = __version__
    model.domain = ""
    model.doc_string = ""
    model.graph.doc_string = ""
    model.graph.name = "student"
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    for index, node in enumerate(model.graph.node):
        node.name = f"{node.op_type}_{index}"
        node.doc_string = ""
        del node.metadata_props[:]
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info, *model.graph.initializer):
        value.doc_string = ""


def _name_axes(port: onnx.ValueInfoProto, size: int, names: Tuple[str, ...]) -> None:
    shape = port.type.tensor_type.shape
    del shape.dim[:]
    for value in (1, size):
        shape.dim.add().dim_value = value
    for name in names:
        shape.dim.add().dim_param = name
