"""Run brainchop's MeshNet, a published small network for 18 structures of the brain, with the same engine as a student.

    python Examples/brain/meshnet.py MESHNET HEAD.nii.gz LABELS.nii.gz [--threads 2]

MESHNET is the folder of a model as brainchop publishes it: model.json with the layers, model.bin with the weights and
colormap.json with the names. The head is brought to 256 × 256 × 256 voxels of 1 mm along the axes left, inferior and
anterior, its intensities to 0 … 1, the network sees it whole, and the labels come back onto the head's own grid.

Sources: A. Fedorov et al., End-to-end learning of brain tissue segmentation from imperfect labeling, arXiv 1612.00940;
M. Masoud et al., Brainchop: In-browser MRI volumetric segmentation and rendering, DOI 10.21105/joss.05098.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, List, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import SimpleITK as sitk  # noqa: N813 (its own documentation's name)
from onnx import TensorProto, helper, numpy_helper

from kdseg.atomic import atomic_path

SIZE, AXES, OPSET = 256, "LIA", 17
DARKEST, BRIGHTEST = 0.0, 99.9
"""Percentiles of the intensities that become 0 and 1."""

Volume = npt.NDArray[np.float32]


class Layer(NamedTuple):
    """One convolution: kernel (out, in, d, h, w), bias (out,), distance of its voxels; ELU follows all but the last."""

    kernel: Volume
    bias: Volume
    dilation: int


def read_layers(folder: Path) -> List[Layer]:
    """Return the convolutions of a model in order."""
    document = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    configured = [
        layer["config"]
        for layer in document["modelTopology"]["model_config"]["config"]["layers"]
        if layer["class_name"] == "Conv3D"
    ]
    shapes = {w["name"]: w["shape"] for group in document["weightsManifest"] for w in group["weights"]}
    values = np.frombuffer((folder / "model.bin").read_bytes(), dtype="<f4")
    weights, start = {}, 0
    for name, shape in shapes.items():
        number = int(np.prod(shape))
        weights[name] = values[start : start + number].reshape(shape).astype(np.float32)
        start += number
    if start != len(values):
        raise ValueError(f"{folder / 'model.bin'}: expected {start} numbers, found {len(values)}")
    return [
        Layer(weights[f"{c['name']}/kernel"].transpose(4, 3, 0, 1, 2), weights[f"{c['name']}/bias"], int(c["dilation_rate"][0]))
        for c in configured
    ]


def to_onnx(layers: List[Layer]) -> bytes:
    """Return the network as an ONNX file with the input ``image`` and the output ``label``, both (1, channel, d, h, w)."""
    nodes, tensors, name = [], [], "image"
    for index, layer in enumerate(layers):
        tensors += [
            numpy_helper.from_array(np.ascontiguousarray(layer.kernel), f"w{index}"),
            numpy_helper.from_array(layer.bias, f"b{index}"),
        ]
        reach = layer.dilation * (layer.kernel.shape[2] // 2)
        nodes.append(
            helper.make_node(
                "Conv", [name, f"w{index}", f"b{index}"], [f"c{index}"], dilations=[layer.dilation] * 3, pads=[reach] * 6
            )
        )
        name = f"c{index}"
        if index < len(layers) - 1:
            nodes.append(helper.make_node("Elu", [name], [f"e{index}"]))
            name = f"e{index}"
    nodes.append(helper.make_node("ArgMax", [name], ["label"], axis=1))
    ports = [
        helper.make_tensor_value_info(n, t, [1, 1, "d", "h", "w"])
        for n, t in (("image", TensorProto.FLOAT), ("label", TensorProto.INT64))
    ]
    graph = helper.make_graph(nodes, "meshnet", ports[:1], ports[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def conform(image: sitk.Image) -> sitk.Image:
    """Return the head on brainchop's grid, centred, with intensities from 0 to 1."""
    turned = sitk.DICOMOrient(sitk.Cast(image, sitk.sitkFloat32), AXES)
    centre = turned.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in turned.GetSize()])
    grid = sitk.Image([SIZE] * 3, sitk.sitkFloat32)
    grid.SetDirection(turned.GetDirection())
    middle = grid.TransformContinuousIndexToPhysicalPoint([(SIZE - 1) / 2] * 3)
    grid.SetOrigin([c - m for c, m in zip(centre, middle)])
    values = sitk.GetArrayFromImage(turned)
    low, high = (float(v) for v in np.percentile(values, (DARKEST, BRIGHTEST)))
    scaled = sitk.Clamp((turned - low) / max(high - low, 1e-6), sitk.sitkFloat32, 0.0, 1.0)
    return sitk.Resample(scaled, grid, sitk.Transform(), sitk.sitkLinear, 0.0)


def predict(layers: List[Layer], head: Volume, threads: int) -> npt.NDArray[np.uint8]:
    """Return the labels of a conformed head, both arrays along left, inferior and anterior."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    session: Any = onnxruntime.InferenceSession(to_onnx(layers), options, providers=["CPUExecutionProvider"])
    (label,) = session.run(None, {"image": np.ascontiguousarray(head)[None, None]})
    return np.asarray(label[0, 0], dtype=np.uint8)


def segment(folder: Path, image: sitk.Image, threads: int) -> sitk.Image:
    """Return labels on the image's own grid."""
    conformed = conform(image)
    found = predict(read_layers(folder), sitk.GetArrayFromImage(conformed).transpose(2, 1, 0), threads)
    labels = sitk.GetImageFromArray(np.ascontiguousarray(found.transpose(2, 1, 0)))
    labels.CopyInformation(conformed)
    return sitk.Resample(labels, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0)


def main() -> None:
    """Segment one head."""
    parser = argparse.ArgumentParser(description="Segment a head with brainchop's MeshNet.")
    parser.add_argument("meshnet", type=Path)
    parser.add_argument("head", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    found = segment(given.meshnet, sitk.ReadImage(str(given.head)), given.threads)
    with atomic_path(given.labels) as temporary:
        sitk.WriteImage(found, str(temporary))


if __name__ == "__main__":
    main()
