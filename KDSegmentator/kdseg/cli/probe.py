"""A tiny built-in network that shows whether an engine computes on this computer."""

from __future__ import annotations

from typing import Callable

import numpy as np

from kdseg.errors import EngineError
from kdseg.inference.engine import Engine, open_engine
from kdseg.limits import EngineName


def probe_engine(name: EngineName, opener: Callable[..., Engine] = open_engine) -> str:
    """Run ``logits = -image`` on one engine and return ONNX Runtime's name of the provider that ran it.

    Parameters
    ----------
    name
        The engine.
    opener
        :func:`kdseg.inference.engine.open_engine` or something like it.

    Raises
    ------
    EngineError
        If the engine does not load or computes something else.
    """
    engine = opener(negation_model(), (2, 2, 2), threads=1, name=name)
    image = np.arange(8, dtype=np.float32).reshape(1, 2, 2, 2)
    logits = engine.run(image)
    if not np.array_equal(logits, -image):
        raise EngineError(
            f"The engine {name.value} computes wrong numbers.",
            expected=str((-image).ravel().tolist()),
            found=str(np.asarray(logits).ravel().tolist()),
            remedy="Install ONNX Runtime again, or choose another engine.",
        )
    return str(engine.info.provider)


def negation_model() -> bytes:
    """Return an ONNX file with one node, ``Neg``, from ``image`` to ``logits``, both float32 of shape (1, 1, z, y, x)."""
    node = _field(1, b"image") + _field(2, b"logits") + _field(4, b"Neg")
    graph = _field(1, node) + _field(2, b"probe") + _field(11, _tensor(b"image")) + _field(12, _tensor(b"logits"))
    opset = _field(1, b"") + _number(2, 17)
    return _number(1, 8) + _field(7, graph) + _field(8, opset)


def _tensor(name: bytes) -> bytes:
    """Encode a ``ValueInfoProto``."""
    sizes = [_number(1, 1), _number(1, 1), _field(2, b"z"), _field(2, b"y"), _field(2, b"x")]
    shape = b"".join(_field(1, size) for size in sizes)
    return _field(1, name) + _field(2, _field(1, _number(1, 1) + _field(2, shape)))


def _field(number: int, content: bytes) -> bytes:
    """Encode a protobuf field of bytes (shorter than 128)."""
    return bytes([number << 3 | 2, len(content)]) + content


def _number(number: int, value: int) -> bytes:
    """Encode a protobuf field with a small number (below 128)."""
    return bytes([number << 3, value])
