"""A tiny committed student, taken apart and put together again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

import onnxruntime
import pytest

from kdseg.bundle.archive import unpack
from kdseg.bundle.members import MEMBER_LIMITS_BYTES

TINY = Path(__file__).with_name("data") / "tiny-1.0.0.kdseg.zip"


@pytest.fixture(scope="session")
def tiny_path() -> Path:
    return TINY


@pytest.fixture(scope="session")
def tiny_bytes() -> bytes:
    return TINY.read_bytes()


@pytest.fixture
def tiny_members(tiny_bytes: bytes) -> Dict[str, bytes]:
    return unpack(tiny_bytes, MEMBER_LIMITS_BYTES, "tiny")


@pytest.fixture
def tiny_document(tiny_members: Dict[str, bytes]) -> Dict[str, Any]:
    return json.loads(tiny_members["bundle.json"])


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> List[Any]:
    """What ONNX Runtime was asked to open; it opens nothing."""
    opened: List[Any] = []
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *arguments, **_: opened.append(arguments))
    return opened
