"""What holds for every test of distillation."""

from __future__ import annotations

from typing import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny networks do not get faster with more, and other tests run beside these."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs set nnU-Net's folders in the environment; each test has its own."""
    for name in ("nnUNet_preprocessed", "nnUNet_results", "nnUNet_raw"):
        monkeypatch.setenv(name, "")
