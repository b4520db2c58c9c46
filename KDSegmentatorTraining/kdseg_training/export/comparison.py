"""ONNX Runtime must decide as torch does: measured before a student leaves the house."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Dict, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.bundle.selftest import decide
from kdseg.errors import ExportError

if TYPE_CHECKING:
    import torch

LARGEST_DRIFT = 5e-3
"""Largest difference of any logit between torch and ONNX Runtime. At 128³ both are within 1e-3 of float64 as a rule."""

Float32Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Drift:
    """How far ONNX Runtime's logits lie from torch's for one input.

    Attributes
    ----------
    input_shape
        (channels, *spatial).
    max_abs_logit
        Largest difference of a logit.
    decisions, decided
        Number of decisions, and of those with a clear margin (:func:`kdseg.bundle.selftest.decide`).
    differing, differing_decided
        How many of them differ.
    """

    input_shape: Tuple[int, ...]
    max_abs_logit: float
    decisions: int
    decided: int
    differing: int
    differing_decided: int

    def as_dict(self) -> Dict[str, Any]:
        """Return the entry of ``export.drift`` in ``bundle.json``; the logit with three digits."""
        return {**asdict(self), "input_shape": list(self.input_shape), "max_abs_logit": float(f"{self.max_abs_logit:.2e}")}

    def sentence(self) -> str:
        """Return the entry for people."""
        shape = "×".join(str(n) for n in self.input_shape[1:])
        return (
            f"ONNX Runtime against torch at {shape}: logits within {self.max_abs_logit:.1e}, "
            f"{self.differing} of {self.decisions} decisions differ, {self.differing_decided} of {self.decided} clear ones."
        )


def torch_logits(network: torch.nn.Module, image: Float32Array) -> Float32Array:
    """Return logits of shape (heads, *spatial) for an image of shape (channels, *spatial)."""
    import torch

    with torch.inference_mode():
        logits: Float32Array = network(torch.from_numpy(image[None]))[0].numpy()
    return logits


def onnx_logits(model: bytes, image: Float32Array) -> Float32Array:
    """Return the same from ONNX Runtime's CPU kernels."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    logits: Float32Array = session.run(None, {session.get_inputs()[0].name: image[None]})[0][0]
    return logits


def measure_drift(expected: Float32Array, found: Float32Array, has_regions: bool) -> Drift:
    """Compare logits of shape (heads, *spatial); ``input_shape`` starts with the number of heads until it is replaced.

    Raises
    ------
    ExportError
        If shapes differ or a logit is not finite.
    """
    if expected.shape != found.shape or not (np.isfinite(expected).all() and np.isfinite(found).all()):
        raise ExportError(
            "torch and ONNX Runtime do not give comparable logits.", expected=str(expected.shape), found=str(found.shape)
        )
    labels, decided = decide(expected, has_regions)
    other, _ = decide(found, has_regions)
    differing = labels != other
    return Drift(
        input_shape=tuple(int(n) for n in expected.shape),
        max_abs_logit=float(np.abs(expected.astype(np.float64) - found).max()),
        decisions=labels.size,
        decided=int(decided.sum()),
        differing=int(differing.sum()),
        differing_decided=int((differing & decided).sum()),
    )


def check_drift(drift: Drift) -> None:
    """Refuse a network that ONNX Runtime does not reproduce.

    Raises
    ------
    ExportError
        If a logit is off by more than :data:`LARGEST_DRIFT`, or a clear decision differs.
    """
    if drift.max_abs_logit > LARGEST_DRIFT or drift.differing_decided:
        raise ExportError(
            "ONNX Runtime does not reproduce the network.",
            expected=f"logits within {LARGEST_DRIFT} and all clear decisions equal",
            found=drift.sentence(),
            remedy="Report the model's architecture; a network with very large activations cannot be exported in float32.",
        )
