"""The published example of a site with few labels: its split, its settings, and the copy of its data."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from kdseg_training.distillation.study.config import read_study
from kdseg_training.distillation.study.split import read_split


@pytest.fixture
def examples(repository: Path) -> Path:
    return repository / "Examples" / "hippocampus"


@pytest.fixture
def script(load_script) -> ModuleType:
    return load_script("Examples/hippocampus/few_labels.py")


def test_the_site_has_scans_that_the_teacher_was_not_trained_on(examples: Path, script: ModuleType) -> None:
    whole, study = read_split(examples / "split.json"), read_study(examples / "few_labels.yaml")
    few = read_split(study.split)
    site = script.parts(json.loads((examples / "split.json").read_text()))
    assert (list(few.train), list(few.validation)) == (site["train"], site["validation"])
    assert sorted([*few.train, *few.validation, *site["unlabelled"]]) == sorted(whole.validation)
    assert few.test == whole.test
    assert [len(site[part]) for part in ("train", "validation", "unlabelled", "test")] == [6, 4, 22, 40]
    assert study.unlabelled.names is None  # all others of the folder, into which only the site's are copied


def test_only_the_sites_cases_are_copied(examples: Path, script: ModuleType, tmp_path: Path) -> None:
    split = json.loads((examples / "split.json").read_text())
    source = tmp_path / "Dataset004_Hippocampus"
    cases = source / "nnUNetPlans_3d_fullres"
    cases.mkdir(parents=True)
    for name in ("nnUNetPlans.json", "dataset.json", "splits_final.json"):
        (source / name).write_text("{}")
    for name in [*split["train"], *split["validation"]]:
        for ending in (".b2nd", "_seg.b2nd", ".pkl"):
            (cases / f"{name}{ending}").write_bytes(name.encode())
    script.copy(source, tmp_path / "site" / source.name)
    copied = tmp_path / "site" / source.name
    assert sorted(path.name for path in copied.glob("*.json")) == ["dataset.json", "nnUNetPlans.json"]
    found = {path.name for path in (copied / cases.name).iterdir()}
    assert found == {f"{name}{ending}" for name in split["validation"] for ending in (".b2nd", "_seg.b2nd", ".pkl")}
