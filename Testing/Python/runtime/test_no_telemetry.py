"""ONNX Runtime's telemetry is off wherever this package is loaded before it: nothing may leave a hospital's computer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_loading_the_engine_leaves_no_session_of_a_telemetry_service(tmp_path: Path, repository: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment.update(
        TMPDIR=str(tmp_path), TEMP=str(tmp_path), TMP=str(tmp_path), PYTHONPATH=str(repository / "KDSegmentator")
    )
    code = "import kdseg, onnxruntime, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    done = subprocess.run([sys.executable, "-c", code], check=True, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "1"
    assert list(tmp_path.iterdir()) == []  # the service's client writes its session into .ses
