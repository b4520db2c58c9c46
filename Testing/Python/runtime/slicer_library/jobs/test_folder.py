"""Private folders hold voxels of patients: they go, whoever dies."""

from __future__ import annotations

import gc
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kdseg.errors import OutputError
from KDSegmentatorLib.jobs.folder import JobFolder, remove_abandoned

OWNER = """
import sys, time
from pathlib import Path
from KDSegmentatorLib.jobs.folder import JobFolder
folder = JobFolder(Path(sys.argv[1]))
(folder.path / "patient.nrrd").write_bytes(b"voxels")
print(folder.path, flush=True)
sys.stdin.read()
"""


def start_owner(parent: Path, repository: Path) -> tuple[subprocess.Popen, Path]:
    environment = {**os.environ, "PYTHONPATH": str(repository / "KDSegmentator"), "PYTHONUTF8": "1"}
    pipe = subprocess.PIPE
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(parent)], env=environment, stdin=pipe, stdout=pipe)
    return owner, Path(owner.stdout.readline().decode().strip())


def test_only_the_user_can_look_inside(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    assert folder.path.parent == tmp_path
    assert folder.path.name.isascii()
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    (folder.path / "inner").mkdir()
    (folder.path / "inner" / "file").write_bytes(b"x")
    folder.remove()
    folder.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_forgotten_folder_goes(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    del folder
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_goes_when_its_owner_exits(tmp_path: Path, repository: Path) -> None:
    owner, path = start_owner(tmp_path, repository)
    assert (path / "patient.nrrd").exists()
    owner.communicate()
    assert not path.exists()


def test_the_next_one_removes_what_a_killed_owner_left_and_nothing_else(tmp_path: Path, repository: Path) -> None:
    dead, abandoned = start_owner(tmp_path, repository)
    alive, in_use = start_owner(tmp_path, repository)
    other = tmp_path / "somebody's"
    other.mkdir()
    dead.kill()
    dead.communicate()
    assert abandoned.exists()
    JobFolder(tmp_path).remove()
    assert not abandoned.exists()
    assert (in_use / "patient.nrrd").exists()
    assert other.exists()
    alive.communicate()


def test_a_folder_in_the_making_is_left_alone_until_it_is_old(tmp_path: Path) -> None:
    young = tmp_path / "kdseg-job-abc"
    young.mkdir()
    assert remove_abandoned(tmp_path) == []
    long_ago = time.time() - 7200
    os.utime(young, (long_ago, long_ago))
    assert remove_abandoned(tmp_path) == [young]
    assert not young.exists()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "owner.lock").touch()
    (tmp_path / "kdseg-job-link").symlink_to(tmp_path / "target")
    assert remove_abandoned(tmp_path) == []
    assert (tmp_path / "target").exists()


def test_a_parent_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        JobFolder(tmp_path / "missing")
