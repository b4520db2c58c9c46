"""A torchvision built for CUDA is importable beside a CPU torch after the operators were declared."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
import sys
sys.path.insert(0, {path!r})
from kdseg_training.torchvision_stub import declare_torchvision_operators
first = declare_torchvision_operators()
import torch, torchvision
print(first == (torch.version.cuda is None and '+cu' in torchvision.__version__), declare_torchvision_operators())
"""


def test_torchvision_is_importable(repository: Path) -> None:
    code = CODE.format(path=str(repository / "KDSegmentatorTraining"))
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["True", "False"]
