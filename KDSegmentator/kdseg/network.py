"""How a student's network is run: whole, or without its last layer, which is then applied where the sums are formed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Optional

import numpy as np
import numpy.typing as npt

from kdseg.bundle.onnx_split import SplitNetwork, split_network
from kdseg.bundle.selftest import NetworkEngine
from kdseg.sides import SideExchange
from kdseg.student import Student


@dataclass(frozen=True)
class Network:
    """What the engine opens, and what is left to do with its output.

    Attributes
    ----------
    model
        ONNX file for :func:`kdseg.inference.engine.open_engine`.
    channels
        Channels of its output: features, or logits where the network runs whole.
    last_layer
        The layer that was taken off; None where the network runs whole. See :mod:`kdseg.bundle.onnx_split`.
    """

    model: bytes = field(repr=False)
    channels: int
    last_layer: Optional[SplitNetwork] = field(default=None, repr=False)


@dataclass(frozen=True)
class LogitsEngine:
    """Gives logits where the engine runs a network without its last layer; for single patches, as in a self-test.

    Attributes
    ----------
    engine
        Opened for ``network.model``.
    network
        What it runs.
    """

    engine: NetworkEngine
    network: Network

    def run(self, patch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return logits, shape (head, …spatial)."""
        output, layer = self.engine.run(patch), self.network.last_layer
        if layer is None:
            return output
        bias = layer.bias.reshape(-1, *(1,) * (output.ndim - 1))
        logits: npt.NDArray[np.float32] = np.tensordot(layer.weights, output, axes=1) + bias
        return logits


def network_of(student: Student) -> Network:
    """Return how a student's network is run.

    Raises
    ------
    BundleModelError
        If the ONNX file is damaged.
    """
    heads = student.plan.labels.heads
    split = split_network(student.model, student.source)
    if split is None or len(split.weights) != heads:
        return Network(student.model, heads)
    return Network(split.trunk, split.weights.shape[1], split)


def expected_network(student: Student) -> Network:
    """Return how the network of a student's plan will be run; of ``student.model`` only the size is used.

    For estimates where the ONNX file is not at hand, or not made yet. Channels and sizes are those of :func:`network_of`
    (but for the few bytes of the last layer), because nnU-Net's last layer takes the features of the first stage.
    """
    heads, features = student.plan.labels.heads, student.plan.features_per_stage[0]
    if heads <= features:
        return Network(student.model, heads)
    layer = SplitNetwork(b"", np.zeros((heads, features), np.float32), np.zeros(heads, np.float32))
    return Network(student.model, features, layer)


def for_both_sides(network: Network, exchange: SideExchange) -> Network:
    """Return the network for patches that are averaged with their mirror image, left and right exchanged.

    Its output is that of :class:`kdseg.inference.passes.Passes` with the same exchange. Where the last layer was taken off,
    these are both sides' features, and the layer given here averages: logits = (W · straight + P W · mirrored + b + P b) / 2,
    with the permutation P of the classes.
    """
    layer = network.last_layer
    if layer is None:
        return network
    other = list(exchange.classes)
    weights = np.concatenate([layer.weights, layer.weights[other]], axis=1)
    weights /= 2
    bias = (layer.bias + layer.bias[other]) / np.float32(2)
    return Network(network.model, 2 * network.channels, replace(layer, weights=weights, bias=bias))
