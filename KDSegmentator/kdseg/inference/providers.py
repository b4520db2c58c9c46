"""The execution providers of ONNX Runtime that a run may use, and what each needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from kdseg.errors import EngineError
from kdseg.limits import EngineName

PROVIDERS: Mapping[EngineName, str] = {
    EngineName.CPU: "CPUExecutionProvider",
    EngineName.OPENVINO: "OpenVINOExecutionProvider",
    EngineName.CUDA: "CUDAExecutionProvider",
    EngineName.DIRECTML: "DmlExecutionProvider",
    EngineName.COREML: "CoreMLExecutionProvider",
}
"""ONNX Runtime's name of each engine's provider."""

PACKAGES: Mapping[EngineName, str] = {
    EngineName.CPU: "onnxruntime",
    EngineName.OPENVINO: "onnxruntime-openvino",
    EngineName.CUDA: "onnxruntime-gpu",
    EngineName.DIRECTML: "onnxruntime-directml",
    EngineName.COREML: "onnxruntime (macOS)",
}
"""The package that brings each provider; only one variant of onnxruntime may be installed."""


@dataclass(frozen=True)
class EngineChoice:
    """An engine and why it was taken."""

    name: EngineName
    reason: str


@dataclass(frozen=True)
class EngineAvailability:
    """Whether an engine can be used here, and if not, what it needs."""

    name: EngineName
    available: bool
    note: str


def choose_engine(requested: EngineName, available: Sequence[str]) -> EngineChoice:
    """Decide which engine runs.

    Parameters
    ----------
    requested
        What the user asked for.
    available
        ``onnxruntime.get_available_providers()``.

    Raises
    ------
    EngineError
        If the requested engine is not installed.
    """
    if requested is not EngineName.AUTO:
        if PROVIDERS[requested] not in available:
            raise EngineError(
                f"The engine {requested.value} is not installed.",
                expected=f"ONNX Runtime with {PROVIDERS[requested]}",
                found=", ".join(available),
                remedy=f"Install {PACKAGES[requested]} in place of onnxruntime, or choose another engine.",
            )
        return EngineChoice(requested, "it was asked for")
    if PROVIDERS[EngineName.OPENVINO] in available:
        return EngineChoice(EngineName.OPENVINO, "auto: OpenVINO is installed and is the fastest on a CPU")
    return EngineChoice(EngineName.CPU, "auto: OpenVINO is not installed; graphics cards are used only when asked for")


def provider_options(name: EngineName, threads: int) -> Dict[str, Any]:
    """Return the provider's options: single precision where there is a choice, because lower precision changes labels.

    OpenVINO would take bfloat16 on newer CPUs by itself, and CUDA TensorFloat-32. CoreML and DirectML have no such option.
    """
    if name is EngineName.OPENVINO:
        return {"device_type": "CPU", "precision": "FP32", "num_of_threads": str(threads)}
    if name is EngineName.CUDA:
        return {"use_tf32": "0"}
    return {}


def describe() -> List[EngineAvailability]:
    """Return every engine with whether it can be used with the installed ONNX Runtime."""
    import onnxruntime

    available: Tuple[str, ...] = tuple(onnxruntime.get_available_providers())
    return [
        EngineAvailability(name, provider in available, "ready" if provider in available else f"needs {PACKAGES[name]}")
        for name, provider in PROVIDERS.items()
    ]
