"""``bundle.json`` as an object that cannot be invalid."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Tuple

from kdseg.bundle.members import DOCUMENT
from kdseg.bundle.schema import bundle_schema, faults
from kdseg.bundle.strict_json import parse_json_object
from kdseg.errors import BundleSchemaError
from kdseg.plans.model import ArrayOrientation
from kdseg.sides import SideExchange

SCHEMA_VERSION = 1
"""The version of ``bundle.schema.json`` that this runtime reads and writes."""


@dataclass(frozen=True)
class MemberDigest:
    """Size in bytes and SHA-256 (hex) of one member."""

    size: int
    sha256: str


@dataclass(frozen=True)
class BundleDocument:
    """The parts of ``bundle.json`` that the runtime acts on; ``data`` is the whole, for cards and reports.

    Attributes
    ----------
    name, version
        Of the student.
    configuration
        Key into ``configurations`` of ``plans.json``.
    mirroring_axes
        Spatial axes (0, 1, 2 in the network's order), as nnU-Net stored them; None: mirroring is off.
    keep_largest_part
        Whether only the largest connected part of all structures together is kept.
    side_exchange
        How patches are mirrored from left to right with the classes of the sides exchanged; None: not.
    tile_step_size
        Step between tiles as a share of the patch size.
    orientation
        Orientation of the arrays that the network saw.
    channels
        Names of the input channels, in order.
    classes
        Integer and name of every structure.
    members
        Digests of the other members, by name.
    data
        All of ``bundle.json``.
    """

    name: str
    version: str
    configuration: str
    mirroring_axes: Optional[Tuple[int, ...]]
    side_exchange: Optional[SideExchange]
    keep_largest_part: bool
    tile_step_size: float
    orientation: ArrayOrientation
    channels: Tuple[str, ...]
    classes: Tuple[Tuple[int, str], ...]
    members: Mapping[str, MemberDigest]
    data: Dict[str, Any] = field(repr=False)


def parse_document(content: bytes, source: str) -> BundleDocument:
    """Parse the bytes of ``bundle.json``.

    Raises
    ------
    BundleSchemaError
        If it is not strict JSON, has an unknown schema version, or does not follow the schema.
    """
    return read_document(parse_json_object(content, f"{source}:{DOCUMENT}"), source)


def read_document(data: Dict[str, Any], source: str) -> BundleDocument:
    """Check parsed JSON against the schema and return it typed; same errors as :func:`parse_document`."""
    _check_version(data.get("schema_version"), source)
    schema = bundle_schema()
    fault = next(faults(data, schema, schema), None)
    if fault is not None:
        place, expected, found = fault
        raise BundleSchemaError(f"{place} does not follow the schema.", expected=expected, found=found, path=source)
    axes = data["inference"]["mirroring_axes"]
    members = {name: MemberDigest(int(entry["size"]), entry["sha256"]) for name, entry in data["members"].items()}
    return BundleDocument(
        name=data["name"],
        version=data["version"],
        configuration=data["inference"]["configuration"],
        mirroring_axes=None if axes is None else tuple(int(a) for a in axes),
        side_exchange=_side_exchange(data["inference"], source),
        keep_largest_part=bool(data["inference"].get("keep_largest_part", False)),
        tile_step_size=float(data["inference"]["tile_step_size"]),
        orientation=ArrayOrientation(data["orientation"]["array"]),
        channels=tuple(channel["name"] for channel in data["channels"]),
        classes=tuple((int(entry["value"]), entry["name"]) for entry in data["classes"]),
        members=members,
        data=data,
    )


def _side_exchange(inference: Mapping[str, Any], source: str) -> Optional[SideExchange]:
    exchange = inference.get("side_exchange")
    if exchange is None:
        return None
    try:
        return SideExchange(tuple(int(c) for c in exchange["classes"]), int(exchange["axis"]))
    except ValueError as error:
        raise BundleSchemaError(
            "bundle.json.inference.side_exchange does not pair the classes.",
            expected="pairs of classes that name each other; a class without sides names itself",
            found=str(exchange["classes"])[:300],
            path=source,
        ) from error


def _check_version(version: Any, source: str) -> None:
    if isinstance(version, int) and not isinstance(version, bool) and version > SCHEMA_VERSION:
        raise BundleSchemaError(
            "The student was made for a newer KDSegmentator.",
            expected=f"schema version {SCHEMA_VERSION}",
            found=f"schema version {version}",
            path=source,
            remedy="Update KDSegmentator.",
        )
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise BundleSchemaError(
            "The schema version of the student is unknown.",
            expected=f"schema version {SCHEMA_VERSION}",
            found=repr(version)[:100],
            path=source,
            remedy="Get the student again from where it was published.",
        )
