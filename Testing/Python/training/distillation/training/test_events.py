"""TensorBoard's files on a disk that cannot take them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdseg.errors import OutputError
from kdseg_training.distillation.training.events import Events
from kdseg_training.distillation.training.history import EpochRecord

RECORD = EpochRecord(
    epoch=0,
    step=3,
    learning_rate=0.01,
    losses={"total": 1.0},
    validation_loss=1.0,
    pseudo_dice={"A": 0.5},
    mean_pseudo_dice=0.5,
    seconds={},
)


class Full:
    def __init__(self, *_: object, **__: object) -> None:
        pass

    def add_scalar(self, *_: object) -> None:
        raise OSError(28, "No space left on device")

    close = flush = add_scalar


def test_a_full_disk_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.utils.tensorboard.SummaryWriter", Full)
    events = Events(tmp_path / "tensorboard", first_step=0)
    with pytest.raises(OutputError, match=r"TensorBoard.*No space left on device.*tensorboard: false") as error:
        events.write(RECORD)
    assert error.value.path == str(tmp_path / "tensorboard")
    events.close()


def test_a_disk_that_fills_at_the_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.utils.tensorboard.SummaryWriter", Full)
    with pytest.raises(OutputError, match="No space left on device"):
        Events(tmp_path, first_step=0).close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="TensorBoard"):
        Events(tmp_path / "file" / "tensorboard", first_step=0)
