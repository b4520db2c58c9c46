"""Weights that a training starts from: those of a student bundle or of a checkpoint, instead of random ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Tuple

from kdseg.bundle import load_student
from kdseg.errors import ConfigurationError, KDSegError
from kdseg.plans.model import LabelSystem
from kdseg.plans.parser import parse_labels
from kdseg.wording import counted
from kdseg_training.distillation.family.parameters import channels_and_heads, planned_network
from kdseg_training.distillation.training.weight_selection import select_weights
from kdseg_training.export.checkpoint import read_checkpoint

if TYPE_CHECKING:
    import torch

    from kdseg_training.distillation.config import StudentSettings

BUNDLE_SUFFIX, CHECKPOINT_SUFFIX = ".kdseg.zip", ".pth"

HEADS = "decoder.seg_layers."
"""nnU-Net's segmentation layers: one for each head of deep supervision, the finest one last."""

OTHER_NETWORK = (
    "Give plans with that network's channels, stages, blocks and kernels, or leave pretrained_weights out. "
    "For a network that has the same but fewer channels, add weight_selection: true."
)
OTHER_WIDTH = (
    "Give plans with that network's stages, blocks, kernels and input channels, and in no layer more channels than it has."
)
OTHER_LAYERS = (
    "Give plans with that network's stages and blocks. Where stages of its residual encoder differ in width, "
    "those of the student must too; a lower floor keeps them so."
)
"""What to do."""

SHOWN = 3
"""Tensors that an error names."""


@dataclass(frozen=True)
class PretrainedWeights:
    """What a training can start from.

    Attributes
    ----------
    path
        The bundle or checkpoint.
    sha256
        Of that file (hex).
    tensors
        The network's ``state_dict``, float32, on the CPU. A bundle has the finest segmentation layer only.
    labels
        What the segmentation layers tell apart.
    selected
        Whether the tensors are a selection of the file's, and not all of it; None if no selection was asked for.
    """

    path: Path
    sha256: str
    tensors: Mapping[str, torch.Tensor]
    labels: LabelSystem
    selected: Optional[bool] = None

    def selection_for(self, network: torch.nn.Module) -> PretrainedWeights:
        """Return what a narrower network of the same layers starts from (:mod:`.weight_selection`).

        Raises
        ------
        ConfigurationError
            If there are layers that the network does not have: without them the others would mean something else.
        """
        own = _tensors(network)
        surplus = [name for name in self.tensors if name not in own and _is_layer(name)]
        if surplus:
            raise ConfigurationError(
                "The pretrained weights have layers that the student has not.",
                expected="the same stages, blocks and projections",
                found=_first(surplus),
                path=self.path,
                remedy=OTHER_LAYERS,
            )
        tensors = select_weights(self.tensors, own)
        return replace(self, tensors=tensors, selected=any(tensors[name] is not self.tensors[name] for name in tensors))

    def apply(self, network: torch.nn.Module, labels: LabelSystem) -> Tuple[str, ...]:
        """Put the weights into a network, and return the names of tensors that stay as they are.

        Everything but the segmentation layers must be there in the same shape, as with ``nnUNetv2_train -pretrained_weights``.
        Segmentation layers come along where the labels are the same; those that are not there stay random.

        Parameters
        ----------
        network
            One of nnU-Net's U-Nets; its weights are changed in place.
        labels
            Of the data set that it is to learn.

        Raises
        ------
        ConfigurationError
            If the network has tensors that are not there or have another shape; the network is then as it was.
        """
        import torch

        fitting = self.fitting(network, labels)
        with torch.no_grad():
            for name, tensor in fitting.items():
                tensor.copy_(self.tensors[name])
        return tuple(name for name in _tensors(network) if name not in fitting)

    def fitting(self, network: torch.nn.Module, labels: LabelSystem) -> Dict[str, torch.Tensor]:
        """Return the network's own tensors that :meth:`apply` would set, by name; raises as it does."""
        own = _tensors(network)
        same = self.labels == labels
        taken = {name: own[name] for name in own if not name.startswith(HEADS) or (same and name in self.tensors)}
        wrong = [name for name in taken if name not in self.tensors or self.tensors[name].shape != own[name].shape]
        if wrong:
            raise self._other_network(own, wrong)
        return taken

    def _other_network(self, own: Mapping[str, torch.Tensor], wrong: List[str]) -> ConfigurationError:
        shown = wrong[:SHOWN]
        return ConfigurationError(
            "The pretrained weights belong to another network.",
            expected=_first([f"{name} {_shape(own[name])}" for name in wrong]),
            found=", ".join(_shape(self.tensors[name]) if name in self.tensors else "nothing" for name in shown),
            path=self.path,
            remedy=OTHER_NETWORK if self.selected is None else OTHER_WIDTH,
        )


def open_pretrained_weights(
    student: StudentSettings, plans: Mapping[str, Any], configuration: str, description: Mapping[str, Any]
) -> Optional[PretrainedWeights]:
    """Read a student's weights, if it has any, and check that they fit the network of these plans and this ``dataset.json``.

    Raises
    ------
    ConfigurationError
        If the file cannot be used, or belongs to another network.
    UnsupportedModelError, BundleSchemaError
        If the plans or ``dataset.json`` cannot be used.
    """
    if student.pretrained_weights is None:
        return None
    weights = read_pretrained_weights(student.pretrained_weights)
    channels, heads = channels_and_heads(plans, configuration, description)
    network = planned_network(plans, configuration, channels, heads, device="meta")
    if student.weight_selection:
        weights = weights.selection_for(network)
    weights.fitting(network, parse_labels(description))
    return weights


def read_pretrained_weights(path: Path) -> PretrainedWeights:
    """Read the weights of a student bundle (``.kdseg.zip``) or of an nnU-Net v2 checkpoint (``.pth``).

    Raises
    ------
    ConfigurationError
        If the file is neither, or cannot be used; the message says why.
    """
    try:
        if path.name.endswith(BUNDLE_SUFFIX):
            return _of_bundle(path)
        if path.suffix == CHECKPOINT_SUFFIX:
            return _of_checkpoint(path)
    except KDSegError as error:
        raise ConfigurationError(
            f"The pretrained weights cannot be read: {error.problem}",
            expected=error.expected,
            found=error.found,
            path=path,
            remedy="Correct pretrained_weights; a run that is continued needs the same file.",
        ) from error
    raise ConfigurationError(
        "The pretrained weights are in no file that can be read.",
        expected=f"a student bundle (*{BUNDLE_SUFFIX}) or a checkpoint (*{CHECKPOINT_SUFFIX})",
        found=path.name,
        path=path,
        remedy="Correct pretrained_weights.",
    )


def _of_bundle(path: Path) -> PretrainedWeights:
    import numpy as np
    import onnx
    import torch
    from onnx import numpy_helper

    student = load_student(path)
    graph = onnx.load_from_string(student.model).graph
    arrays: Dict[str, Any] = {tensor.name: np.array(numpy_helper.to_array(tensor)) for tensor in graph.initializer}
    tensors = {name: torch.from_numpy(values).float() for name, values in arrays.items() if values.dtype.kind == "f"}
    for node in graph.node:  # tensors that are equal are stored once, and passed on under the other's name
        if node.op_type == "Identity" and node.input[0] in tensors:
            tensors[node.output[0]] = tensors[node.input[0]]
    return PretrainedWeights(path, student.digest, tensors, student.plan.labels)


def _of_checkpoint(path: Path) -> PretrainedWeights:
    checkpoint = read_checkpoint(path)
    if not checkpoint.dataset:
        raise ConfigurationError(
            "The checkpoint does not tell what its labels are.", expected="init_args with dataset_json, as nnU-Net v2 writes it"
        )
    return PretrainedWeights(path, checkpoint.sha256, checkpoint.weights, parse_labels(checkpoint.dataset, str(path)))


def sentence(name: str, weights: PretrainedWeights, random: Sequence[str], labels: LabelSystem) -> str:
    """Say where a student starts, and which heads stay random and why."""
    text = f"{name}: starts from {'a selection of the channels of ' if weights.selected else ''}{weights.path}"
    if not random:
        return f"{text}."
    reason = "it does not hold them" if weights.labels == labels else "its labels are others"
    return f"{text}; {counted(len(random), 'tensor')} of the segmentation layers stay random, because {reason}."


def _tensors(network: torch.nn.Module) -> Dict[str, torch.Tensor]:
    """Return every tensor once; nnU-Net's decoders hold the encoder again, so a ``state_dict`` has most of them twice."""
    return {**dict(network.named_parameters()), **dict(network.named_buffers())}


def _is_layer(name: str) -> bool:
    """Tell whether a tensor's name is a layer's own one, and not a segmentation layer's, which may be missing."""
    aliased = name.startswith("decoder.encoder.") or ".all_modules." in name
    return name.startswith(("encoder.", "decoder.")) and not aliased and not name.startswith(HEADS)


def _first(texts: Sequence[str]) -> str:
    """Name the first ones, and count the others."""
    return ", ".join(texts[:SHOWN]) + (f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else "")


def _shape(tensor: torch.Tensor) -> str:
    return "×".join(map(str, tensor.shape))
