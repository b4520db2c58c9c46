"""Writing bundles: the same members always give the same bytes, and nothing is written that the reader would refuse."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Dict, Mapping

from kdseg.atomic import write_bytes
from kdseg.bundle.archive import pack, unpack
from kdseg.bundle.members import DOCUMENT, HASHED_MEMBERS, MEMBER_LIMITS_BYTES
from kdseg.bundle.reader import read_bundle_bytes, student_from_bytes
from kdseg.bundle.strict_json import dump_json, parse_json_object
from kdseg.errors import BundleSchemaError, OutputError, PathLike

_FIXED_KEYS = frozenset({"schema_version", "members"})


def bundle_bytes(document: Mapping[str, Any], members: Mapping[str, bytes], source: str = "bundle") -> bytes:
    """Return the bytes of a bundle, after reading them back.

    Parameters
    ----------
    document
        ``bundle.json`` without ``members``, which is computed.
    members
        Content of every other member, by name.
    source
        Named in errors.

    Raises
    ------
    BundleError, UnsupportedModelError
        If :func:`kdseg.bundle.reader.load_student` would refuse the result.
    """
    if set(members) != set(HASHED_MEMBERS):
        raise BundleSchemaError(
            "The members are not those of a bundle.",
            expected=str(list(HASHED_MEMBERS)),
            found=str(sorted(members)),
            path=source,
        )
    complete: Dict[str, Any] = {k: v for k, v in document.items() if k != "members"}
    complete["members"] = {
        name: {"size": len(members[name]), "sha256": hashlib.sha256(members[name]).hexdigest()} for name in HASHED_MEMBERS
    }
    try:
        encoded = dump_json(complete)
    except (TypeError, ValueError) as error:
        raise BundleSchemaError("bundle.json cannot be written as JSON.", found=str(error), path=source) from error
    data = pack({DOCUMENT: encoded, **members})
    student_from_bytes(data, source)
    return data


def write_bundle(folder: PathLike, document: Mapping[str, Any], members: Mapping[str, bytes]) -> Path:
    """Write ``<name>-<version>.kdseg.zip`` into ``folder`` atomically and return its path; an earlier one is replaced.

    Raises
    ------
    BundleError, UnsupportedModelError
        As :func:`bundle_bytes`; nothing was written then.
    OutputError
        If the folder is missing or read-only, or the disk is full.
    """
    data = bundle_bytes(document, members)
    target = Path(folder) / bundle_file_name(str(document["name"]), str(document["version"]))
    if not target.parent.is_dir():
        raise OutputError("The folder for the bundle does not exist.", expected="a folder", path=target.parent)
    write_bytes(target, data)
    return target


def bundle_file_name(name: str, version: str) -> str:
    """Return the file name of a bundle."""
    return f"{name}-{version}.kdseg.zip"


def with_document(path: PathLike, changes: Mapping[str, Any]) -> bytes:
    """Return the bundle at ``path`` with other metadata and otherwise unchanged members; the file itself is not touched.

    Parameters
    ----------
    path
        A bundle.
    changes
        Top-level keys of ``bundle.json`` with their new values, for example ``quality``; None removes a key.

    Raises
    ------
    BundleError, UnsupportedModelError
        If the bundle or the changed one is refused.
    """
    data = read_bundle_bytes(path)
    student_from_bytes(data, str(path))
    members = unpack(data, MEMBER_LIMITS_BYTES, str(path))
    document = parse_json_object(members.pop(DOCUMENT), f"{path}:{DOCUMENT}")
    fixed = sorted(_FIXED_KEYS & set(changes))
    if fixed:
        raise BundleSchemaError("These keys of bundle.json are not free to change.", found=", ".join(fixed), path=path)
    document.update(changes)
    return bundle_bytes({k: v for k, v in document.items() if v is not None}, members, str(path))
