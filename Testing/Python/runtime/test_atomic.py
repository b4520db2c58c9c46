"""Files that are whole or not there."""

from __future__ import annotations

import os
import stat
from pathlib import Path

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


@pytest.mark.parametrize(("refusals", "arrives"), [(3, True), (10**6, False)])
def test_a_target_that_somebody_reads_on_windows_is_waited_for(tmp_path, monkeypatch, refusals, arrives):
    replace, left = Path.replace, iter(range(refusals))

    def refuse(self, target):
        if next(left, None) is not None:
            raise PermissionError(13, "The process cannot access the file")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr("kdseg.atomic.SECONDS_OF_PATIENCE", 0.3)
    (tmp_path / "a.txt").write_bytes(b"before")
    if arrives:
        write_bytes(tmp_path / "a.txt", b"after")
    else:
        with pytest.raises(OutputError, match="cannot access"):
            write_bytes(tmp_path / "a.txt", b"after")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a.txt": b"after" if arrives else b"before"}
