"""What is wrong in ``dataset.json`` or the plans is told before nnU-Net reads them."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any, Callable

import pytest

from kdseg.errors import ConfigurationError, TrainingDataError
from kdseg_testing.training_runs import run
from kdseg_training.distillation.training.plan_checks import check_description, check_plans

CONFIGURATION = "3d_fullres"
DESCRIPTIONS = {
    "labels": [
        None,
        {},
        ["background"],
        {"background": 1, "a": 0},
        {"background": 0, "a": "x"},
        {"background": 0, "a": [1, 2]},
    ],
    "channel_names": [None, {}, "MR"],
}
PLANS = {
    "patch_size": [None, [], [8], [8, 8, 0], [8, 8, "8"], "8"],
    "spacing": [None, [1.0, 1.0]],
    "batch_size": [None, 0, "two", True],
    "data_identifier": [None, "", "../elsewhere", 3],
    "normalization_schemes": [None],
    "use_mask_for_norm": [None],
    "batch_dice": [None, 1],
    "architecture": [None, "PlainConvUNet"],
}


def changed(mapping: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    result = copy.deepcopy(mapping)
    result[key] = value
    if value is None:
        del result[key]
    return result


@pytest.fixture
def plans(dataset) -> dict[str, Any]:
    return json.loads((dataset.preprocessed / "nnUNetPlans.json").read_text())


@pytest.fixture
def description(dataset) -> dict[str, Any]:
    return json.loads((dataset.preprocessed / "dataset.json").read_text())


def test_what_nnunet_wrote_passes(plans, description) -> None:
    check_plans(plans, CONFIGURATION, Path("p"))
    check_description(description, Path("d"))
    check_description(
        {**description, "labels": {"background": 0, "all": [1, 2], "core": 2}, "regions_class_order": [1, 2]}, Path("d")
    )
    older = {"modality": description["channel_names"], "labels": description["labels"]}
    check_description(older, Path("d"))


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in DESCRIPTIONS.items() for value in values])
def test_a_description_that_is_not_usable(description, key: str, value: Any) -> None:
    with pytest.raises(TrainingDataError, match=f"d.json: {key} is not usable") as error:
        check_description(changed(description, key, value), Path("d.json"))
    assert error.value.expected
    assert error.value.remedy


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in PLANS.items() for value in values])
def test_plans_that_are_not_usable(plans, key: str, value: Any) -> None:
    plans["configurations"][CONFIGURATION] = changed(plans["configurations"][CONFIGURATION], key, value)
    with pytest.raises(TrainingDataError, match=f"p.json: {key} is not usable"):
        check_plans(plans, CONFIGURATION, Path("p.json"))


@pytest.mark.parametrize("key", ["plans_name", "dataset_name"])
def test_names_that_are_missing(plans, key: str) -> None:
    with pytest.raises(TrainingDataError, match=f"{key} is not usable"):
        check_plans(changed(plans, key, None), CONFIGURATION, Path("p.json"))


@pytest.mark.parametrize("strides", [None, [], 2, [[1, 1, 1], [2, 2]], [[1, 1, 1], [0, 2, 2]], [[1, 1, 1], "2"]])
def test_strides_that_are_not_usable(plans, strides: Any) -> None:
    arguments = plans["configurations"][CONFIGURATION]["architecture"]["arch_kwargs"]
    plans["configurations"][CONFIGURATION]["architecture"]["arch_kwargs"] = changed(arguments, "strides", strides)
    with pytest.raises(TrainingDataError, match="strides is not usable"):
        check_plans(plans, CONFIGURATION, Path("p.json"))


def test_a_batch_size_of_the_run_replaces_that_of_the_plans(plans) -> None:
    del plans["configurations"][CONFIGURATION]["batch_size"]
    check_plans(plans, CONFIGURATION, Path("p.json"), batch_size=2)


def test_plans_of_older_nnunets(plans) -> None:
    config = plans["configurations"][CONFIGURATION]
    del config["architecture"]
    config.update(UNet_class_name="PlainConvUNet", pool_op_kernel_sizes=[[1, 1, 1], [2, 2, 2], [2, 2, 2]])
    check_plans(plans, CONFIGURATION, Path("p.json"))
    config["patch_size"] = [8, 8, 10]
    with pytest.raises(TrainingDataError, match=r"multiples of 4, 4, 4\. Found: patch_size 8, 8, 10"):
        check_plans(plans, CONFIGURATION, Path("p.json"))


def test_other_networks_are_left_to_nnunet(plans) -> None:
    config = plans["configurations"][CONFIGURATION]
    config["architecture"].update(network_class_name="some.Transformer", arch_kwargs={})
    config["patch_size"] = [7, 7, 7]
    check_plans(plans, CONFIGURATION, Path("p.json"))


@pytest.mark.parametrize("factor", [None, 2])
@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("dataset.json", lambda d: d.pop("labels"), "labels is not usable"),
        ("dataset.json", lambda d: d.pop("channel_names"), "channel_names is not usable"),
        ("nnUNetPlans.json", lambda d: d["configurations"][CONFIGURATION].pop("patch_size"), "patch_size is not usable"),
        (
            "nnUNetPlans.json",
            lambda d: d["configurations"][CONFIGURATION].update(patch_size=[7, 8, 8]),
            "multiples of 2, 2, 2",
        ),
    ],
)
def test_a_run_tells_it_before_it_writes_anything(
    settings, dataset, tmp_path: Path, factor: object, file: str, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    root = tmp_path / "preprocessed"
    shutil.copytree(dataset.root / "preprocessed", root)
    path = root / dataset.preprocessed.name / file
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    student = {"name": "plain", **({} if factor is None else {"factor": factor})}
    with pytest.raises(TrainingDataError, match=message) as error:
        run(settings(tmp_path / "results", preprocessed=root, students=[student]))
    assert error.value.path == str(path)
    assert not (tmp_path / "results").exists()


def test_results_that_are_a_file(settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    for results in (tmp_path / "file", tmp_path / "file" / "inside"):
        with pytest.raises(ConfigurationError, match=r"A file lies where the folder for results data should be.*results:"):
            run(settings(results))
    monkeypatch.setenv("nnUNet_results", str(tmp_path / "file"))
    with pytest.raises(ConfigurationError, match="nnUNet_results"):
        run(settings(tmp_path).model_copy(update={"results": None}))
