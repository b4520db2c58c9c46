"""A matrix product as an ONNX file, written byte by byte, because the runtime has no package that writes one."""

from __future__ import annotations

from typing import Tuple, Union

Part = Tuple[int, Union[int, bytes, str]]

IR_VERSION, OPSET, FLOAT32 = 8, 17, 1


def matrix_product_model(size: int) -> bytes:
    """Return a network that multiplies two square float32 matrices ``a`` and ``b`` into ``c``."""
    node = _message((1, "a"), (1, "b"), (2, "c"), (4, "MatMul"))
    graph = _message((1, node), (2, "product"), (11, _port("a", size)), (11, _port("b", size)), (12, _port("c", size)))
    return _message((1, IR_VERSION), (7, graph), (8, _message((1, ""), (2, OPSET))))


def _port(name: str, size: int) -> bytes:
    dimension = _message((1, size))
    tensor = _message((1, FLOAT32), (2, _message((1, dimension), (1, dimension))))
    return _message((1, name), (2, _message((1, tensor))))


def _message(*parts: Part) -> bytes:
    """Encode (field number, value): numbers as varints, text and bytes with their length."""
    result = b""
    for field, value in parts:
        if isinstance(value, int):
            result += _varint(field << 3) + _varint(value)
        else:
            content = value.encode("ascii") if isinstance(value, str) else value
            result += _varint(field << 3 | 2) + _varint(len(content)) + content
    return result


def _varint(value: int) -> bytes:
    result = bytearray()
    while value >= 0x80:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    result.append(value)
    return bytes(result)
