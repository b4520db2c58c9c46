"""Files of torch that are damaged in the ways of disks and downloads."""

from __future__ import annotations

import io
import zipfile
from typing import Dict

PICKLED_LIST = b"\x80\x04\x95\t\x00\x00\x00\x00\x00\x00\x00]\x94(K\x01K\x02e."

KINDS = (
    *("nothing", "junk", "one byte", "zeros", "beginning of an archive", "another archive", "pickled list", "text"),
    *("a page", "a pointer", "half", "flipped bit"),
)
"""Kinds of damage."""


def with_flipped_bit(content: bytes) -> bytes:
    """Return a file of ``torch.save`` with one other bit, in the middle of its largest tensor."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    largest = max((member for member in archive.infolist() if "/data/" in member.filename), key=lambda m: m.file_size)
    place = content.index(archive.read(largest)) + largest.file_size // 2
    changed = bytearray(content)
    changed[place] ^= 0x10
    return bytes(changed)


def damaged(content: bytes, kind: str) -> bytes:
    """Return what a good checkpoint became, by the kind of damage."""
    empty_archive = io.BytesIO()
    with zipfile.ZipFile(empty_archive, "w") as archive:
        archive.writestr("a/data.pkl", b"\x80\x02}.")
    kinds: Dict[str, bytes] = {
        "nothing": b"",
        "junk": b"junk",
        "one byte": b"x",
        "zeros": bytes(100),
        "beginning of an archive": b"PK\x03\x04" + bytes(200),
        "another archive": empty_archive.getvalue(),
        "pickled list": PICKLED_LIST,
        "text": b"hello world this is text\n" * 5,
        "a page": b"<html></html>",
        "a pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 123\n",
        "half": content[: len(content) // 2],
        "flipped bit": with_flipped_bit(content),
    }
    return kinds[kind]
