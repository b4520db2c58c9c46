"""The file of a case: complete and unchanged, or an error that says what to do."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kdseg.errors import TrainingDataError
from kdseg_training.distillation.soft_labels.encoding import encode
from kdseg_training.distillation.soft_labels.storage import MEMBERS, read_case, read_header, write_case


@pytest.fixture
def case(tmp_path: Path):
    logits = 4 * np.random.default_rng(0).standard_normal((3, 4, 5, 6))
    sparse = encode(logits, regions=False, floor=1e-3)
    path = tmp_path / "case_0.npz"
    size = write_case(path, sparse, {"case": "case_0", "confidence": 0.5})
    assert size == path.stat().st_size
    return path, sparse


def members(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def test_a_case_is_read_as_it_was_written(case) -> None:
    path, sparse = case
    found, header = read_case(path)
    for name in MEMBERS:
        assert np.array_equal(getattr(found, name), getattr(sparse, name))
        assert getattr(found, name).dtype == getattr(sparse, name).dtype
    assert (found.floor, found.regions) == (1e-3, False)
    assert header == read_header(path)
    assert (header["case"], header["confidence"], header["format"], len(header["sha256"])) == ("case_0", 0.5, 1, 64)


@pytest.mark.parametrize("name", [*MEMBERS, "header"])
def test_a_changed_member_is_noticed(case, name: str) -> None:
    path, _ = case
    content = members(path)
    if name == "header":
        text = content["header"].tobytes().replace(b'"confidence": 0.5', b'"confidence": 0.9')
        content["header"] = np.frombuffer(text, np.uint8)
    else:
        content[name] = content[name].copy()
        content[name].reshape(-1)[0] += 1
    np.savez_compressed(path, **content)
    with pytest.raises(TrainingDataError, match=r"damaged.*soft-labels again"):
        read_case(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_cut_file_is_noticed(case, share: float) -> None:
    path, _ = case
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    for read in (read_case, read_header):
        with pytest.raises(TrainingDataError, match="damaged"):
            read(path)


def test_a_flipped_byte_is_noticed_wherever_it_is(case) -> None:
    path, sparse = case
    content = path.read_bytes()
    for place in range(0, len(content), 37):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        try:
            found = read_case(path)[0]
        except TrainingDataError:
            continue
        for name in MEMBERS:  # some bytes of a zip file mean nothing
            assert np.array_equal(getattr(found, name), getattr(sparse, name)), place


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match="There are no soft labels of this case"):
        read_case(tmp_path / "none.npz")


def test_objects_are_never_unpickled(case) -> None:
    path, _ = case
    content: dict[str, np.ndarray] = {**members(path), "top": np.array([{"an": "object"}], dtype=object)}
    np.savez_compressed(path, **content)
    with pytest.raises(TrainingDataError, match="damaged"):
        read_case(path)


def test_another_format_is_refused_by_name(case) -> None:
    path, _ = case
    content = members(path)
    header = {**json.loads(content["header"].tobytes()), "format": 2}
    content["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez_compressed(path, **content)
    with pytest.raises(TrainingDataError, match=r"format 1.*2"):
        read_header(path)
