"""A strict reader of the protobuf wire format, as small as the ONNX gate needs it.

Protobuf's own parsers are lenient: they skip what they do not know and merge what is there twice. A gate must see exactly what
the real parser will use, so this one refuses unknown fields, wrong wire types and doubled single fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterator, List, Mapping, Tuple, Union

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5

Value = Union[int, memoryview]


class DamagedProtobuf(ValueError):
    """The bytes are not the message that was expected."""


@dataclass(frozen=True)
class Field:
    """One field of a message type: its name, the wire types it may have, and whether it may be repeated."""

    name: str
    wire_types: Tuple[int, ...]
    repeated: bool = False


def integer(name: str) -> Field:
    """Return a single integer or enum field."""
    return Field(name, (VARINT,))


def bytes_like(name: str) -> Field:
    """Return a single string, bytes or message field."""
    return Field(name, (LENGTH,))


def repeated(name: str, *scalar_types: int) -> Field:
    """Return a repeated field: messages or strings, or scalars of the given wire types, which may also be packed."""
    return Field(name, (LENGTH, *scalar_types), repeated=True)


def read_message(data: memoryview, fields: Mapping[int, Field], what: str) -> Dict[str, List[Value]]:
    """Return the values of every field that is there, by name, in the order of the file.

    Parameters
    ----------
    data
        The bytes of one message.
    fields
        The message type: field number → field.
    what
        Name of the message type, for errors.

    Raises
    ------
    DamagedProtobuf
        If the bytes end early, or hold an unknown field, a wrong wire type or a doubled single field.
    """
    values: Dict[str, List[Value]] = {}
    for number, wire_type, value in _wire_fields(data, what):
        field = fields.get(number)
        if field is None:
            raise DamagedProtobuf(f"{what} has the unknown field {number}")
        if wire_type not in field.wire_types:
            raise DamagedProtobuf(f"{what}.{field.name} has wire type {wire_type}")
        if field.name in values and not field.repeated:
            raise DamagedProtobuf(f"{what}.{field.name} is there twice")
        values.setdefault(field.name, []).append(value)
    return values


def text(value: Value, what: str) -> str:
    """Return a string field."""
    try:
        return bytes(_length_delimited(value, what)).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DamagedProtobuf(f"{what} is not UTF-8") from error


def texts(values: List[Value], what: str) -> List[str]:
    """Return a repeated string field."""
    return [text(value, what) for value in values]


def message(value: Value, what: str) -> memoryview:
    """Return the bytes of an embedded message."""
    return _length_delimited(value, what)


def number(value: Value, what: str) -> int:
    """Return an int64 or enum field, sign included."""
    if not isinstance(value, int):
        raise DamagedProtobuf(f"{what} is not an integer")
    return value - (1 << 64) if value >= 1 << 63 else value


def integers(values: List[Value], what: str) -> List[int]:
    """Return a repeated int64 field, packed or not, signs included."""
    found: List[int] = []
    for value in values:
        if isinstance(value, int):
            found.append(number(value, what))
            continue
        position = 0
        while position < len(value):
            item, position = _varint(value, position, what)
            found.append(number(item, what))
    return found


def _length_delimited(value: Value, what: str) -> memoryview:
    if isinstance(value, int):
        raise DamagedProtobuf(f"{what} is a number")
    return value


def _wire_fields(data: memoryview, what: str) -> Iterator[Tuple[int, int, Value]]:
    position = 0
    while position < len(data):
        key, position = _varint(data, position, what)
        wire_type = key & 7
        if wire_type == VARINT:
            value, position = _varint(data, position, what)
            yield key >> 3, wire_type, value
            continue
        if wire_type == LENGTH:
            size, position = _varint(data, position, what)
        elif wire_type in (FIXED64, FIXED32):
            size = 8 if wire_type == FIXED64 else 4
        else:
            raise DamagedProtobuf(f"{what} uses wire type {wire_type}")
        if size > len(data) - position:
            raise DamagedProtobuf(f"{what} ends in the middle of field {key >> 3}")
        yield key >> 3, wire_type, data[position : position + size]
        position += size


def _varint(data: memoryview, position: int, what: str) -> Tuple[int, int]:
    result = 0
    for index in range(10):
        if position >= len(data):
            raise DamagedProtobuf(f"{what} ends in the middle of a number")
        byte = data[position]
        position += 1
        result |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            if result >= 1 << 64:
                break
            return result, position
    raise DamagedProtobuf(f"{what} has a number of more than 64 bits")
