"""How a student's network is run: whole, or without its last layer, which is then applied where the sums are formed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

from kdseg.bundle.onnx_split import SplitNetwork, split_network
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


def network_of(student: Student) -> Network:
    """Return how a student's network is run."""
    split = split_network(student.model)
    if split is None:
        return Network(student.model, student.plan.labels.heads)
    return Network(split.trunk, split.weights.shape[1], split)
