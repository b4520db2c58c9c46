"""Hundreds of seeded mutants of a real bundle: every one is refused before ONNX Runtime sees a byte of it."""

from __future__ import annotations

import hashlib
import io
import json
import random
import zipfile
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from kdseg.bundle import load_student
from kdseg.bundle.archive import pack
from kdseg.errors import BundleError, UnsupportedModelError
from kdseg_testing.wire import message, tensor

SEED = 20
FLIPS = 600
PER_KIND = 40

Members = Dict[str, bytes]


def refused(path: Path, data: bytes) -> bool:
    path.write_bytes(data)
    try:
        load_student(path)
    except (BundleError, UnsupportedModelError) as error:
        return bool(error.problem)
    return False


def flip(data: bytes, rng: random.Random, count: int = 1) -> bytes:
    changed = bytearray(data)
    for position in rng.sample(range(len(data)), count):
        changed[position] ^= rng.randrange(1, 256)
    return bytes(changed)


def repacked(members: Members, *, fix_digests: bool) -> bytes:
    if fix_digests:
        document = json.loads(members["bundle.json"])
        for name, entry in document["members"].items():
            entry.update(size=len(members[name]), sha256=hashlib.sha256(members[name]).hexdigest())
        members = {**members, "bundle.json": json.dumps(document).encode()}
    return pack(members)


def swapped(members: Members, rng: random.Random) -> bytes:
    first, second = rng.sample(sorted(members), 2)
    return pack({**members, first: members[second], second: members[first]})


def truncated(members: Members, rng: random.Random) -> bytes:
    data = pack(members)
    return data[: rng.randrange(len(data))]


def cut_member(members: Members, rng: random.Random) -> bytes:
    name = rng.choice(sorted(members))
    return pack({**members, name: members[name][: rng.randrange(len(members[name]))]})


def without_member(members: Members, rng: random.Random) -> bytes:
    name = rng.choice(sorted(members))
    return pack({k: v for k, v in members.items() if k != name})


def added_member(members: Members, rng: random.Random) -> bytes:
    name = "".join(rng.choice("abc./\\:~") for _ in range(rng.randrange(1, 12)))
    return pack({**members, name: b"x"})


def escaped_path(members: Members, rng: random.Random) -> bytes:
    name = rng.choice(sorted(members))
    prefix = rng.choice(["../", "/", "..\\", "C:", "C:\\", "x/../../", "./", "\\\\host\\"])
    return pack({(prefix + k if k == name else k): v for k, v in members.items()})


def recompressed(members: Members, rng: random.Random) -> bytes:
    file = io.BytesIO()
    method = rng.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_STORED])
    with zipfile.ZipFile(file, "w", method) as archive:
        for name in rng.sample(sorted(members), len(members)):
            archive.writestr(zipfile.ZipInfo(name, (1999, 1, 1, 0, 0, 0)), members[name], method)
    return file.getvalue()


def wrong_digest(members: Members, rng: random.Random) -> bytes:
    document = json.loads(members["bundle.json"])
    entry = document["members"][rng.choice(sorted(document["members"]))]
    if rng.random() < 0.5:
        entry["size"] += rng.choice([-1, 1, 10**6])
    else:
        entry["sha256"] = hashlib.sha256(rng.randbytes(4)).hexdigest()
    return pack({**members, "bundle.json": json.dumps(document).encode()})


def changed_member(members: Members, rng: random.Random) -> bytes:
    name = rng.choice([n for n in sorted(members) if n != "bundle.json"])
    return pack({**members, name: flip(members[name], rng)})


def changed_network_with_right_digests(members: Members, rng: random.Random) -> bytes:
    """Mutate what the gate looks at, and make every digest right again."""
    model = members["model.onnx"]
    changes: List[Callable[[], bytes]] = [
        lambda: model + message((25, message((1, "f")))),
        lambda: model + message((20, b"")),
        lambda: model + message((7, message((5, tensor((14, 1)))))),
        lambda: model + message((8, message((1, "com.evil"), (2, 1)))),
        lambda: model + message((rng.randrange(100, 10_000), rng.randbytes(5))),
        lambda: model.replace(b"image", b"imago"),
        lambda: model.replace(b"logits", b"logitz"),
        lambda: model[: rng.randrange(len(model))],
        lambda: b"\x08" + bytes([rng.randrange(11, 128)]) + model[2:],
        lambda: model[rng.randrange(1, 50) :],
    ]
    return repacked({**members, "model.onnx": rng.choice(changes)()}, fix_digests=True)


def changed_text_with_right_digests(members: Members, rng: random.Random) -> bytes:
    """Break a text member's grammar, and make every digest right again."""
    name = rng.choice(["plans.json", "dataset.json", "labels.csv"])
    content = members[name]
    damage = rng.choice([content[: len(content) // 2], content + b"\xff", content + b'{"', b"", rng.randbytes(50)])
    return repacked({**members, name: damage}, fix_digests=True)


KINDS = (
    swapped,
    truncated,
    cut_member,
    without_member,
    added_member,
    escaped_path,
    recompressed,
    wrong_digest,
    changed_member,
    changed_network_with_right_digests,
    changed_text_with_right_digests,
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_mutant_is_refused(kind: Callable, tiny_members: Members, tmp_path: Path, sessions: List[Any]) -> None:
    rng = random.Random(f"{SEED} {kind.__name__}")
    mutants = [kind(tiny_members, rng) for _ in range(PER_KIND)]
    accepted = [i for i, data in enumerate(mutants) if not refused(tmp_path / "mutant.kdseg.zip", data)]
    assert accepted == []
    assert sessions == []


def test_a_flipped_byte_anywhere_is_refused(tiny_bytes: bytes, tmp_path: Path, sessions: List[Any]) -> None:
    rng = random.Random(SEED)
    path = tmp_path / "mutant.kdseg.zip"
    headers = [i for i in range(len(tiny_bytes)) if tiny_bytes[i : i + 2] == b"PK"]
    accepted = []
    for number in range(FLIPS):
        changed = flip(tiny_bytes, rng, count=rng.choice([1, 1, 1, 2, 8]))
        if number % 2:  # every second one hits a header of the zip
            position = rng.choice(headers) + rng.randrange(46)
            position = min(position, len(tiny_bytes) - 1)
            one = bytearray(tiny_bytes)
            one[position] ^= rng.randrange(1, 256)
            changed = bytes(one)
        if not refused(path, changed):
            accepted.append(number)
    assert accepted == []
    assert sessions == []


def test_the_unchanged_bundle_is_accepted(tiny_members: Members, tmp_path: Path) -> None:
    path = tmp_path / "same.kdseg.zip"
    path.write_bytes(repacked(tiny_members, fix_digests=False))
    assert load_student(path).name == "tiny"
    path.write_bytes(repacked(tiny_members, fix_digests=True))
    assert load_student(path).name == "tiny"
