"""Writes back what :mod:`kdseg.bundle.protobuf` read, for networks that are taken apart in memory."""

from __future__ import annotations

from typing import List, Mapping, Sequence

from kdseg.bundle.protobuf import LENGTH, VARINT, Field, Value


def write_message(values: Mapping[str, Sequence[Value]], fields: Mapping[int, Field]) -> bytes:
    """Return the bytes of a message from its values by name; integers become varints, everything else is length-delimited.

    Raises
    ------
    ValueError
        If a name is not among ``fields``, or a field can hold neither (a single number of fixed width).
    """
    numbers = {field.name: number for number, field in fields.items()}
    unknown = set(values) - set(numbers)
    if unknown:
        raise ValueError(f"expected fields of the message, found {', '.join(sorted(unknown))}")
    parts: List[bytes] = []
    for name, entries in values.items():
        for entry in entries:
            wire_type = VARINT if isinstance(entry, int) else LENGTH
            if wire_type not in fields[numbers[name]].wire_types:
                raise ValueError(f"{name} cannot be written with wire type {wire_type}")
            parts.append(_varint(numbers[name] << 3 | wire_type))
            parts += [_varint(entry)] if isinstance(entry, int) else [_varint(len(entry)), bytes(entry)]
    return b"".join(parts)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
