"""OpenVINO's libraries are found on Windows, and nothing happens elsewhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from kdseg.worker.windows_libraries import add_openvino_libraries


@pytest.fixture
def openvino(tmp_path: Path, monkeypatch) -> Path:
    """A package with libraries, on the path."""
    (tmp_path / "openvino" / "libs").mkdir(parents=True)
    (tmp_path / "openvino" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PATH", "before")
    return tmp_path / "openvino" / "libs"


def test_on_windows_they_come_first(openvino: Path, monkeypatch) -> None:
    added = []
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "add_dll_directory", added.append, raising=False)
    assert add_openvino_libraries() == [openvino]
    assert added == [str(openvino)]
    assert os.environ["PATH"].split(os.pathsep) == [str(openvino), "before"]
    assert "openvino" not in sys.modules


def test_elsewhere_nothing_changes(openvino: Path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert add_openvino_libraries() == []
    assert os.environ["PATH"] == "before"
