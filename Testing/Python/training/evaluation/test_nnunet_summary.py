"""``summary.json`` equals what nnU-Net itself writes, and nnU-Net reads it."""

from __future__ import annotations

import json
import math
import types
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np
import pytest
from nnunetv2.evaluation import evaluate_predictions
from nnunetv2.evaluation.evaluate_predictions import compute_metrics_on_folder, load_summary_json
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

from kdseg.errors import InputError
from kdseg_testing.label_maps import boxes, random_case, write_labels
from kdseg_training.evaluation import EvaluationSettings, ModelResult, evaluate
from kdseg_training.evaluation.writers import nnunet_summary, write_nnunet_summary

LABELS = {1: "one", 2: "two", 3: "three", 4: "never there"}
REGIONS = {1: (1, 2, 3), 2: (2, 3), 3: (3,)}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Predictions and references: three cases, one structure missed, one hallucinated, one nowhere, some voxels unlabelled."""
    root = tmp_path_factory.mktemp("cases")
    for seed in range(3):
        reference = random_case(seed)
        prediction = np.roll(reference, 1, axis=2)
        if seed == 0:
            prediction[prediction == 2] = 0
        if seed == 1:
            reference[reference == 3] = 0
        reference[:2] = np.where(reference[:2] == 1, 5, reference[:2])
        write_labels(root / "p" / f"case_{seed}.nii.gz", prediction)
        write_labels(root / "r" / f"case_{seed}.nii.gz", reference)
    return root / "p", root / "r"


def assert_equal(ours, theirs, place: str = "") -> None:
    """Same keys everywhere, texts equal, numbers equal to rounding, NaN where the other has NaN."""
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys(), place
        for key in theirs:
            assert_equal(ours[key], theirs[key], f"{place}/{key}")
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), place
        for number, item in enumerate(theirs):
            assert_equal(ours[number], item, f"{place}/{number}")
    elif isinstance(theirs, str):
        assert ours == theirs, place
    else:
        assert ours == pytest.approx(theirs, rel=1e-12, nan_ok=True), place


@pytest.fixture
def in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nnU-Net's evaluation work in threads: starting its processes takes most of a minute."""
    context = types.SimpleNamespace(Pool=ThreadPool)
    monkeypatch.setattr(evaluate_predictions.multiprocessing, "get_context", lambda _: context)


@pytest.mark.usefixtures("in_threads")
@pytest.mark.filterwarnings("ignore:Mean of empty slice:RuntimeWarning")
@pytest.mark.parametrize(
    ("settings", "theirs", "ignore"),
    [
        (EvaluationSettings(LABELS), list(LABELS), None),
        (EvaluationSettings(LABELS, ignore_label=5), list(LABELS), 5),
        (EvaluationSettings({1: "all", 2: "core", 3: "three"}, regions=REGIONS), list(REGIONS.values()), None),
    ],
    ids=["labels", "with voxels to ignore", "regions"],
)
def test_the_summary_is_the_one_that_nnunet_writes(
    folders: tuple[Path, Path], tmp_path: Path, settings: EvaluationSettings, theirs: list, ignore: int | None
) -> None:
    predictions, references = folders
    expected = tmp_path / "theirs.json"
    compute_metrics_on_folder(
        str(references), str(predictions), str(expected), SimpleITKIO(), ".nii.gz", theirs, ignore, num_processes=1
    )
    (model,) = evaluate({"m": predictions}, references, settings).models
    write_nnunet_summary(model, settings, tmp_path / "ours.json")
    assert_equal(json.loads((tmp_path / "ours.json").read_text()), json.loads(expected.read_text()))
    assert_equal(load_summary_json(str(tmp_path / "ours.json")), load_summary_json(str(expected)))


def test_absent_structures_are_nan_as_in_nnunet(folders: tuple[Path, Path]) -> None:
    settings = EvaluationSettings(LABELS)
    summary = nnunet_summary(evaluate({"m": folders[0]}, folders[1], settings).models[0], settings)
    assert math.isnan(summary["mean"]["4"]["Dice"])
    assert math.isnan(summary["foreground_mean"]["Dice"])


def test_nothing_has_no_summary() -> None:
    with pytest.raises(InputError, match="No case of m was measured"):
        nnunet_summary(ModelResult("m", "folder", ()), EvaluationSettings({1: "a"}))


def test_one_case_is_counted_by_hand(tmp_path: Path) -> None:
    box = ((2, 6), (2, 6), (2, 6))
    write_labels(tmp_path / "p" / "a.nii.gz", boxes({1: ((2, 6), (2, 6), (3, 7))}))
    write_labels(tmp_path / "r" / "a.nii.gz", boxes({1: box}))
    settings = EvaluationSettings({1: "a"})
    model = evaluate({"m": tmp_path / "p"}, tmp_path / "r", settings).models[0]
    assert nnunet_summary(model, settings)["metric_per_case"][0]["metrics"]["1"] == {
        "Dice": 0.75, "IoU": 0.6, "TP": 48, "FP": 16, "FN": 16, "TN": 720 - 80, "n_pred": 64, "n_ref": 64,
    }  # fmt: skip
