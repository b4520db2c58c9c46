"""``splits_final.json`` is checked before anything is made of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from kdseg.errors import TrainingDataError
from kdseg_testing.training_runs import run
from kdseg_training.distillation.training.check import check_run
from kdseg_training.distillation.training.splits import read_split

DAMAGED = {
    '[{"train": ["case_0"': "JSONDecodeError",
    "": "JSONDecodeError",
    '{"a": 1}': r"\{'a': 1\}",
    "[1]": "fold 0 is 1",
    '[{"train": ["case_0"]}]': "fold 0 has no val",
    '[{"train": "case_0", "val": ["case_1"]}]': "train of fold 0 is 'case_0'",
    '[{"train": ["case_0", 3], "val": ["case_1"]}]': r"train of fold 0 is \['case_0', 3\]",
}


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_split_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "splits_final.json"
    path.write_text(text)
    with pytest.raises(TrainingDataError, match=f"split of the data set is damaged.*{DAMAGED[text]}") as error:
        read_split(path, 0)
    assert error.value.path == str(path)
    assert error.value.remedy


def test_the_cases_of_a_fold(tmp_path: Path) -> None:
    path = tmp_path / "splits_final.json"
    path.write_text(json.dumps([{"train": ["b", "a"], "val": ["c"]}, {"train": ["c"], "val": ["b", "a"]}]))
    assert read_split(path, 0) == (["b", "a"], ["c"])
    assert read_split(path, "1") == (["c"], ["b", "a"])
    with pytest.raises(TrainingDataError, match="no fold 2"):
        read_split(path, 2)


@pytest.mark.parametrize("use", [run, check_run])
def test_a_run_tells_it_before_it_writes_anything(settings, dataset, tmp_path: Path, use) -> None:
    root = tmp_path / "preprocessed"
    shutil.copytree(dataset.root / "preprocessed", root)
    (path,) = root.rglob("splits_final.json")
    path.write_text('[{"train": ["case_0"')
    with pytest.raises(TrainingDataError, match="split of the data set is damaged"):
        use(settings(tmp_path / "results", preprocessed=root))
    assert not (tmp_path / "results").exists()
