"""The network in ONNX Runtime, on the CPU or on the provider the user chose."""

from __future__ import annotations

from typing import Any, List, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.errors import EngineError
from kdseg.inference.engine import EngineInfo
from kdseg.inference.providers import PROVIDERS, EngineChoice, choose_engine, provider_options
from kdseg.limits import EngineName

Float32Array = npt.NDArray[np.float32]

INPUT = "image"
"""Name of the network's input in a student."""

SPATIAL_AXES = ("z", "y", "x")
"""Names of the network's free dimensions; they are fixed when the patch size is known, so that memory can be planned."""


class OnnxRuntimeEngine:
    """One ONNX Runtime session for patches of one shape.

    The session is made from bytes, so the network cannot reach other files. It gives its memory back after each patch, because
    the arena of ONNX Runtime would keep the largest patch and round it up; and it writes every patch's output into one array,
    because ONNX Runtime would otherwise make them twice.
    """

    def __init__(self, model: bytes, spatial_shape: Tuple[int, ...], *, threads: int, name: EngineName) -> None:
        import onnxruntime

        choice = choose_engine(name, onnxruntime.get_available_providers())
        self.info = EngineInfo(choice.name, PROVIDERS[choice.name], onnxruntime.__version__, threads, choice.reason)
        self._session = _open_session(onnxruntime, model, spatial_shape, choice, threads)
        output = self._session.get_outputs()[0]
        self._output: Float32Array = np.empty((1, int(output.shape[1]), *spatial_shape), dtype=np.float32)
        self._binding = self._session.io_binding()
        pointer, shape = self._output.ctypes.data, self._output.shape
        self._binding.bind_output(output.name, "cpu", 0, np.float32, shape, pointer)

    def run(self, patch: Float32Array) -> Float32Array:
        """Return the output for a patch, overwritten by the next; see :meth:`kdseg.inference.engine.Engine.run`."""
        try:
            self._binding.bind_cpu_input(INPUT, np.ascontiguousarray(patch[None]))
            self._session.run_with_iobinding(self._binding)
        except Exception as error:  # ONNX Runtime raises its own classes, which differ between versions
            raise EngineError(
                "The network failed on a patch.",
                found=str(error)[:300],
                remedy="Try the engine cpu; if it fails there too, verify the bundle with `kdseg verify`.",
            ) from error
        output: Float32Array = self._output[0]
        return output


def _open_session(onnxruntime: Any, model: bytes, spatial_shape: Tuple[int, ...], choice: EngineChoice, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False
    options.use_deterministic_compute = True
    for axis, size in zip(SPATIAL_AXES[-len(spatial_shape) :], spatial_shape):
        options.add_free_dimension_override_by_name(axis, size)
    providers: List[Any] = [(PROVIDERS[choice.name], provider_options(choice.name, threads))]
    if choice.name is not EngineName.CPU:
        providers.append(PROVIDERS[EngineName.CPU])  # for single operators a provider leaves out; the session is checked below
    try:
        session = onnxruntime.InferenceSession(model, options, providers=providers, enable_fallback=0)
    except Exception as error:  # ONNX Runtime raises its own classes, which differ between versions
        raise EngineError(
            f"The engine {choice.name.value} could not load the network.",
            found=str(error)[:300],
            remedy="Try the engine cpu, or update ONNX Runtime.",
        ) from error
    used = session.get_providers()
    if PROVIDERS[choice.name] not in used:
        raise EngineError(
            f"ONNX Runtime left the engine {choice.name.value} out.",
            expected=PROVIDERS[choice.name],
            found=", ".join(used),
            remedy="Check that the drivers of the device are installed, or choose the engine cpu.",
        )
    return session
