"""Checkpoints are data: both NumPy generations are read, and nothing else is ever called."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any, Callable, List

import numpy as np
import pytest
import torch

from kdseg.errors import ExportError
from kdseg_testing.damaged_files import KINDS, damaged
from kdseg_training.export.checkpoint import read_checkpoint

called: List[str] = []


class Evil:
    def __reduce__(self) -> Any:
        return called.append, ("evil",)


def checkpoint_with(path: Path, **changes: Any) -> Path:
    content = {
        "network_weights": {"w": torch.ones(2, dtype=torch.float16)},
        "trainer_name": "nnUNetTrainer",
        "init_args": {"configuration": "3d_fullres"},
        **changes,
    }
    torch.save(content, path)
    return path


def test_logged_scalars_are_read(tmp_path: Path) -> None:
    log = {"ema": [np.float64(0.5)], "loss": np.float32(1.5), "epoch": np.int64(3)}
    checkpoint = read_checkpoint(checkpoint_with(tmp_path / "c.pth", logging=log, inference_allowed_mirroring_axes=[0, 2]))
    assert checkpoint.weights["w"].dtype == torch.float32
    assert checkpoint.mirroring_axes == (0, 2)
    assert checkpoint.trainer == "nnUNetTrainer"


@pytest.mark.parametrize("spelling", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_both_spellings_of_numpys_scalar_are_read(tmp_path: Path, spelling: bytes) -> None:
    path = checkpoint_with(tmp_path / "c.pth", logging=np.float64(0.5))
    import zipfile

    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    target = tmp_path / "d.pth"
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            changed = content
            if name.endswith("data.pkl"):
                for other in (b"numpy._core.multiarray", b"numpy.core.multiarray"):
                    changed = changed.replace(other, spelling)
                assert spelling in changed
            archive.writestr(name, changed)
    assert read_checkpoint(target).configuration == "3d_fullres"


@pytest.mark.parametrize("write", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))])
def test_a_foreign_object_is_refused_and_never_called(tmp_path: Path, write: Callable[[Any, Path], Any]) -> None:
    path = tmp_path / "c.pth"
    write({"network_weights": {}, "trainer_name": Evil(), "init_args": {}}, path)
    called.clear()
    with pytest.raises(ExportError, match="Python objects besides weights") as error:
        read_checkpoint(path)
    assert called == []
    assert "weights_only" not in str(error.value), "how to load it as a program is no advice for a hospital"


@pytest.mark.parametrize("kind", KINDS)
def test_damage_of_any_kind_ends_with_a_clear_error(tmp_path: Path, kind: str) -> None:
    path = checkpoint_with(tmp_path / "c.pth", network_weights={"w": torch.arange(99.0)})
    path.write_bytes(damaged(path.read_bytes(), kind))
    with pytest.raises(ExportError) as error:
        read_checkpoint(path)
    assert error.value.path == str(path)
    assert "weights_only" not in str(error.value)


def test_one_other_bit_in_the_weights_is_noticed(tmp_path: Path) -> None:
    """Torch loads the file without a word."""
    path = checkpoint_with(tmp_path / "c.pth", network_weights={"w": torch.arange(99.0)})
    path.write_bytes(damaged(path.read_bytes(), "flipped bit"))
    assert not torch.equal(torch.load(path, weights_only=True)["network_weights"]["w"], torch.arange(99.0))
    with pytest.raises(ExportError, match=r"checksum is wrong.*other bytes in .*/data/.*Copy the checkpoint again"):
        read_checkpoint(path)


def test_every_truncation_ends_with_a_clear_error(tmp_path: Path) -> None:
    content = checkpoint_with(tmp_path / "c.pth").read_bytes()
    for length in range(0, len(content), 37):
        (tmp_path / "d.pth").write_bytes(content[:length])
        with pytest.raises(ExportError):
            read_checkpoint(tmp_path / "d.pth")


def test_an_old_style_file_is_read_as_data(tmp_path: Path) -> None:
    file = io.BytesIO()
    content = {"network_weights": {"w": torch.ones(1)}, "trainer_name": "T", "init_args": {"configuration": "2d"}}
    torch.save(content, file, _use_new_zipfile_serialization=False)
    (tmp_path / "c.pth").write_bytes(file.getvalue())
    assert read_checkpoint(tmp_path / "c.pth").configuration == "2d"
