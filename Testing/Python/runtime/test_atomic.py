"""Files that are whole or not there."""

from __future__ import annotations

import os
import stat

import pytest

from kdseg.atomic import atomic_path, write_bytes
from kdseg.errors import OutputError


def test_the_process_umask_is_not_touched_and_the_mode_is_that_of_any_new_file(tmp_path, monkeypatch):
    (tmp_path / "plain").write_bytes(b"")
    monkeypatch.delattr(os, "umask")
    write_bytes(tmp_path / "result", b"whole")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "result")]
    assert modes[0] == modes[1]
    assert (tmp_path / "result").read_bytes() == b"whole"


def test_a_name_that_is_taken_is_not_used(tmp_path, monkeypatch):
    (tmp_path / ".kdseg-0-a.txt").write_bytes(b"somebody's")
    names = iter(["0", "1"])
    monkeypatch.setattr("kdseg.atomic.secrets.token_hex", lambda count: next(names))
    write_bytes(tmp_path / "a.txt", b"mine")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {".kdseg-0-a.txt": b"somebody's", "a.txt": b"mine"}


def test_an_error_leaves_everything_as_it_was(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"before")
    with pytest.raises(RuntimeError, match="stop"), atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError("stop")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_bytes() == b"before"


def test_a_missing_folder_is_an_output_error(tmp_path):
    with pytest.raises(OutputError):
        write_bytes(tmp_path / "nowhere" / "a.txt", b"")
