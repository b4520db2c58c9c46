"""A checkpoint is read as data that is whole, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from kdseg.errors import ResumeError
from kdseg_testing.damaged_files import KINDS, damaged
from kdseg_training.distillation.training import checkpoints


class Foreign:
    def __reduce__(self) -> Any:
        return print, ("never",)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / checkpoints.LATEST
    own = {"format": checkpoints.FORMAT}
    checkpoints.save(path, {"network_weights": {"w": torch.arange(99.0)}, checkpoints.OWN_KEY: own})
    return path


def test_what_was_saved_is_loaded(path: Path) -> None:
    assert torch.equal(checkpoints.load(path)["network_weights"]["w"], torch.arange(99.0))


@pytest.mark.parametrize("kind", KINDS)
def test_damage_of_any_kind_ends_with_a_clear_error(path: Path, kind: str) -> None:
    path.write_bytes(damaged(path.read_bytes(), kind))
    with pytest.raises(ResumeError, match="--restart") as error:
        checkpoints.load(path)
    assert error.value.path == str(path)
    assert "weights_only" not in str(error.value)


def test_one_other_bit_in_the_weights_is_noticed(path: Path) -> None:
    path.write_bytes(damaged(path.read_bytes(), "flipped bit"))
    assert not torch.equal(torch.load(path, weights_only=True)["network_weights"]["w"], torch.arange(99.0))
    with pytest.raises(ResumeError, match=r"damaged: a checksum is wrong.*other bytes in .*/data/"):
        checkpoints.load(path)


def test_a_foreign_object_is_named_without_torchs_advice(path: Path) -> None:
    torch.save({"a": Foreign()}, path)
    with pytest.raises(ResumeError, match="the Python object print") as error:
        checkpoints.load(path)
    assert "weights_only" not in str(error.value)
    assert "trust" not in str(error.value)


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(ResumeError, match="cannot be read"):
        checkpoints.load(tmp_path / "missing.pth")


def test_an_old_style_file_is_read_as_data(path: Path) -> None:
    content = checkpoints.load(path)
    torch.save(content, path, _use_new_zipfile_serialization=False)
    assert torch.equal(checkpoints.load(path)["network_weights"]["w"], torch.arange(99.0))
