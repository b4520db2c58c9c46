"""Seeded mutants of volume files: none crashes or hangs, no truncated one is accepted, and no accepted one is read wrongly.

How an accepted mutant is judged
    *unchanged*: voxels and geometry are those of the original (a mutated description, padding or time stamp).
    *legal*: the mutant is a file that somebody could have meant. Formats without a checksum cannot tell a flipped voxel bit,
    a flipped digit of the origin or ``short`` become ``ushort`` from intention. Legal is only what an independent reader
    (SimpleITK, given the mutant alone) reads in the same way, from a file that holds as many bytes of voxels as it declares.
    Nothing is legal in a ``.nii.gz``, whose checksum covers the header too, nor when the compressed voxels of the other
    formats are changed. (MetaImage's Adler-32 is weak: about one swap of two words in 3,000 keeps it. No reader can see that;
    none of the seeded mutants does it.)
"""

from __future__ import annotations

import gzip
import time
import zlib
from collections import Counter

import numpy as np
import SimpleITK

from kdseg.errors import InputError
from kdseg.io import read_volume_with_findings
from kdseg_testing import volume_files as vf

SECONDS_ALLOWED = 3.0
MUTANTS_OF_EACH_KIND = 60
FORMATS = ["le.nii", "be.nii", "scaled.nii", "a.nii.gz", "raw.nrrd", "gzip.nrrd", "raw.mha", "zlib.mha"]
WORDS = [
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x00\x00\xc0\x7f",
    b"\x7f\xc0\x00\x00",
    b"\xff\x7f\xff\x7f",
    b"9999",
    b"-1 0",
    b"nan ",
]
LEVELS = ("strict", "lenient")


def write_original(folder, name):
    path = folder / name
    if name == "be.nii":
        return vf.write_nifti(path, vf.voxels("float32"), vf.affine_ras("oblique"), ">")
    if name == "scaled.nii":
        return vf.write_nifti(path, slope=0.5, inter=-3.0)
    if name == "le.nii":
        return vf.write_nifti(path)
    return vf.write_image(path, direction="oblique", compress=name not in ("raw.nrrd", "raw.mha"))


def header_length(name, raw):
    if name.endswith(".nii"):
        return 352
    if name.endswith(".gz"):
        return 40
    end = b"\n\n" if name.endswith(".nrrd") else b"LOCAL\n"
    return raw.index(end) + len(end)


def flip_bit(rng, raw, start, stop):
    at = int(rng.integers(start, stop))
    return raw[:at] + bytes([raw[at] ^ 1 << int(rng.integers(8))]) + raw[at + 1 :]


def replace_byte(rng, raw, start, stop):
    at = int(rng.integers(start, stop))
    return raw[:at] + bytes([int(rng.integers(256))]) + raw[at + 1 :]


def replace_word(rng, raw, start, stop):
    at = int(rng.integers(start, stop - 4)) // 2 * 2
    return raw[:at] + WORDS[int(rng.integers(len(WORDS)))] + raw[at + 4 :]


def insert(rng, raw, start, stop):
    at = int(rng.integers(start, stop))
    return raw[:at] + rng.bytes(int(rng.integers(1, 9))) + raw[at:]


def remove(rng, raw, start, stop):
    at = int(rng.integers(start, stop - 8))
    return raw[:at] + raw[at + int(rng.integers(1, 9)) :]


def swap_fields(rng, raw, start, stop):
    """Swap two lines of a text header, the values of two lines, or two 4-byte words of a binary one."""
    head, tail = raw[:stop], raw[stop:]
    lines = head.split(b"\n")
    if len(lines) > 8 and start == 0:
        i, j = sorted(rng.choice(np.arange(len(lines) - 2), 2, replace=False).tolist())
        separator = b": " if b": " in lines[i] and b": " in lines[j] else b" = "
        first, second = lines[i].split(separator, 1), lines[j].split(separator, 1)
        if rng.random() < 0.7 and len(first) == len(second) == 2:
            lines[i], lines[j] = first[0] + separator + second[1], second[0] + separator + first[1]
        else:
            lines[i], lines[j] = lines[j], lines[i]
        return b"\n".join(lines) + tail
    words = np.frombuffer(raw[start : start + (stop - start) // 4 * 4], "V4").copy()
    i, j = rng.choice(len(words), 2, replace=False)
    words[[i, j]] = words[[j, i]]
    return raw[:start] + words.tobytes() + raw[start + words.nbytes :]


CHANGES = [flip_bit, replace_byte, replace_word, insert, remove, swap_fields]


def mutants(name, raw):
    """Yield (kind, bytes): every change in the header and in the data, and truncation at every interesting place."""
    rng = np.random.default_rng(sum(name.encode()))
    header = header_length(name, raw)
    for change in CHANGES:
        for place, start, stop in (("header", 0, header), ("data", header, len(raw))):
            for _ in range(MUTANTS_OF_EACH_KIND if place == "header" else MUTANTS_OF_EACH_KIND // 3):
                mutant = change(rng, raw, start, stop)
                if mutant != raw:
                    yield f"{change.__name__} in {place}", mutant
    lengths = {0, 1, 2, 4, header // 2, len(raw) // 2, *range(header - 5, header + 6), *range(len(raw) - 9, len(raw))}
    if name.endswith(".nii"):
        lengths |= {40, 348, 351}
    for length in sorted(lengths):
        yield "truncated", raw[:length]


def same(volume, other):
    return (
        volume.voxels.dtype == other.voxels.dtype
        and volume.voxels.tobytes() == other.voxels.tobytes()
        and volume.geometry == other.geometry
    )


def payload(name, raw):
    """The stored voxels, decompressed."""
    data = raw[header_length(name, raw) :]
    return gzip.decompress(data) if name == "gzip.nrrd" else zlib.decompress(data) if name == "zlib.mha" else data


def judge(name, path, raw, original_raw, volume, original):
    if same(volume, original):
        return "unchanged"
    if name.endswith(".gz"):
        return "WRONG: a checksum covers every byte"
    if name in ("gzip.nrrd", "zlib.mha") and payload(name, raw) != payload(name, original_raw):
        return "WRONG: a checksum covers the voxels"
    oracle = SimpleITK.ReadImage(str(path))
    expected = SimpleITK.GetArrayFromImage(oracle)
    if volume.voxels[0].tobytes() != expected.tobytes():
        return "WRONG: SimpleITK reads other voxels"
    grid = volume.geometry
    if (grid.spacing_mm, grid.origin_mm, grid.direction) != (oracle.GetSpacing(), oracle.GetOrigin(), oracle.GetDirection()):
        return "WRONG: SimpleITK reads another grid"
    stored_bytes = len(payload(name, raw))
    if stored_bytes % volume.voxels.size or stored_bytes // volume.voxels.size not in (1, 2, 4, 8):
        return "WRONG: the file holds another number of voxels"
    return "legal"


def count_outcomes(folder, name, counts):
    (folder / "original").mkdir()
    source = write_original(folder / "original", name)
    original_raw = source.read_bytes()
    original, findings = read_volume_with_findings(source, strict=True)
    assert findings == ()
    alone = folder / "mutant"
    alone.mkdir()
    path = alone / name
    for kind, raw in mutants(name, original_raw):
        path.write_bytes(raw)
        for level in LEVELS:
            outcome = attempt(name, path, raw, original_raw, original, level == "strict")
            counts[level, name, outcome] += 1
            assert not outcome.startswith("WRONG"), (name, kind, level, outcome)
            if kind == "truncated":
                assert outcome == "refused", f"{name} truncated to {len(raw)} of {len(original_raw)} bytes"


def attempt(name, path, raw, original_raw, original, strict):
    began = time.perf_counter()
    try:
        volume, _ = read_volume_with_findings(path, strict)
    except InputError as error:
        assert error.path == str(path)
        return "refused"
    finally:
        assert time.perf_counter() - began < SECONDS_ALLOWED
    return judge(name, path, raw, original_raw, volume, original)


def test_mutants(tmp_path, capsys):
    counts: Counter = Counter()
    for name in FORMATS:
        (tmp_path / name).mkdir()
        count_outcomes(tmp_path / name, name, counts)
    with capsys.disabled():
        print()
        for level in LEVELS:
            for name in FORMATS:
                row = {key[2]: value for key, value in sorted(counts.items()) if key[:2] == (level, name)}
                print(f"{level:8} {name:11} {sum(row.values()):5} mutants: {row}")
    assert sum(value for key, value in counts.items() if key[0] == "strict") >= 1000
    for outcome in ("refused", "unchanged", "legal"):
        assert sum(value for key, value in counts.items() if key[0] == "strict" and key[2] == outcome) > 50
