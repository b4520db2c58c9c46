"""A tiny writer of ONNX files in protobuf's wire format, independent of the runtime's reader and of the onnx package."""

from __future__ import annotations

from typing import Tuple, Union

Part = Tuple[int, Union[int, bytes, str]]


def varint(value: int) -> bytes:
    """Encode an unsigned number of up to 64 bits; negative ones as two's complement."""
    value &= (1 << 64) - 1
    result = bytearray()
    while value >= 0x80:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    result.append(value)
    return bytes(result)


def message(*parts: Part) -> bytes:
    """Encode (field number, value) pairs: numbers as varints, text and bytes with their length."""
    result = b""
    for number, value in parts:
        if isinstance(value, int):
            result += varint(number << 3) + varint(value)
        else:
            content = value.encode() if isinstance(value, str) else value
            result += varint(number << 3 | 2) + varint(len(content)) + content
    return result


def port(name: str, dimensions: Tuple[Union[int, str], ...], element: int = 1) -> bytes:
    """Encode a ValueInfoProto of a tensor."""
    shape = message(*((1, message((1 if isinstance(d, int) else 2, d))) for d in dimensions))
    return message((1, name), (2, message((1, message((1, element), (2, shape))))))


def tensor(*extra: Part) -> bytes:
    """Encode a float32 TensorProto ``w`` with one value."""
    return message((1, 1), (2, 1), (8, "w"), (9, b"\x00\x00\x80\x3f"), *extra)


def node(*extra: Part) -> bytes:
    """Encode a NodeProto that copies ``image`` to ``logits``."""
    return message((1, "image"), (2, "logits"), (4, "Identity"), *extra)


def graph(*extra: Part, nodes: Tuple[bytes, ...] = (), image: bytes = b"", logits: bytes = b"") -> bytes:
    """Encode a GraphProto with the ports of a student of one channel and one head."""
    ports = ((11, image or port("image", (1, 1, "z", "y", "x"))), (12, logits or port("logits", (1, 1, "z", "y", "x"))))
    return message(*((1, n) for n in nodes or (node(),)), (2, "g"), *ports, *extra)


def model(*extra: Part, ir_version: int = 8, opset: int = 17, domain: str = "", body: bytes = b"") -> bytes:
    """Encode a ModelProto."""
    return message((1, ir_version), (8, message((1, domain), (2, opset))), (7, body or graph()), *extra)
