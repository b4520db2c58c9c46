"""Memory and time of a student that is not trained yet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kdseg.bundle.onnx_split import split_network
from kdseg.errors import ConfigurationError, MemoryLimitError
from kdseg.limits import available_cpus
from kdseg_testing.model_folder import write_model_folder
from kdseg_training.distillation.family import (
    Workload,
    derive_plans,
    estimate_memory,
    family_members,
    measure_latency,
    typical_workload,
)
from kdseg_training.distillation.family.parameters import planned_network
from kdseg_training.export.onnx_model import export_onnx

NAME = "3d_fullres"


def read(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    return tuple(json.loads((folder / name).read_text()) for name in ("plans.json", "dataset.json"))  # type: ignore[return-value]


def test_the_typical_volume_is_the_median_in_the_axes_of_the_file() -> None:
    plans = {
        "original_median_shape_after_transp": [30, 100, 200],
        "original_median_spacing_after_transp": [3.0, 1.0, 2.0],
        "transpose_backward": [1, 2, 0],
    }
    workload = typical_workload(plans, mirroring=False)
    assert (workload.shape, workload.spacing_mm) == ((100, 200, 30), (1.0, 2.0, 3.0))
    assert workload.geometry.spacing_mm == (3.0, 2.0, 1.0)
    assert (workload.threads, workload.mirroring) == (available_cpus(), False)
    assert typical_workload(plans, threads=1).threads == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"original_median_shape_after_transp": None},
        {"original_median_spacing_after_transp": [1, 0, 1]},
        {"transpose_backward": [0, 0, 1]},
        {"original_median_shape_after_transp": [10, 10]},
    ],
)
def test_plans_that_do_not_say_a_typical_volume_are_refused(changes: dict[str, Any]) -> None:
    plans = {"original_median_shape_after_transp": [8, 8, 8], "original_median_spacing_after_transp": [1, 1, 1], **changes}
    with pytest.raises(ConfigurationError, match="typical volume"):
        typical_workload(plans)


def test_memory_grows_with_width_and_volume_and_strips_keep_it_under_a_ceiling(tmp_path: Path) -> None:
    plans, dataset = read(write_model_folder(tmp_path, features=(32, 64, 96), patch_size=(32, 32, 32)))
    large, small = (Workload((n, n, n), (1.0, 1.0, 1.0), threads=1) for n in (96, 64))
    whole = estimate_memory(plans, NAME, dataset, large)
    assert whole.passes == 8
    assert estimate_memory(plans, NAME, dataset, small).peak_bytes < whole.peak_bytes
    assert estimate_memory(derive_plans(plans, factor=4), NAME, dataset, large).peak_bytes < whole.peak_bytes
    lean = estimate_memory(plans, NAME, dataset, large, ceiling_bytes=whole.peak_bytes - 1)
    assert len(lean.strips) > 1
    assert lean.peak_bytes < whole.peak_bytes
    with pytest.raises(MemoryLimitError):
        estimate_memory(plans, NAME, dataset, large, ceiling_bytes=1000)


@pytest.mark.parametrize("network", ["PlainConvUNet", "ResidualEncoderUNet"])
def test_many_classes_are_estimated_as_they_will_run(tmp_path: Path, network: str) -> None:
    labels = {"background": 0, **{f"L{i}": i for i in range(1, 40)}}
    folder = write_model_folder(tmp_path, network=network, features=(4, 8), labels=labels, patch_size=(32, 32, 32))
    plans, dataset = read(folder)
    estimate = estimate_memory(plans, NAME, dataset, Workload((32, 32, 32), (1.0, 1.0, 1.0), threads=1))
    assert 0 < dict(estimate.parts)["weights and output"] < 40 * 32**3 * 4, "less than the logits of one patch"
    model = export_onnx(planned_network(plans, NAME, 1, 40), 1, 40, (16, 16, 16))
    split = split_network(model)
    assert split is not None
    assert split.weights.shape == (40, 4)


@pytest.mark.parametrize(
    ("model", "passes"),
    [
        ({"network": "ResidualEncoderUNet", "labels": {"background": 0, "A": 1}}, 8),
        ({"configuration": "2d", "patch_size": (16, 16), "spacing_mm": (1.0, 1.0), "channels": 2}, 4),
    ],
)
def test_time_is_measured_on_a_whole_volume(tmp_path: Path, model: dict[str, Any], passes: int) -> None:
    plans, dataset = read(write_model_folder(tmp_path, features=(4, 8), **{"patch_size": (16, 16, 16), **model}))
    configuration = next(iter(plans["configurations"]))
    for mirroring, expected in ((True, passes), (False, 1)):
        workload = Workload((20, 16, 16), (1.0, 1.0, 1.0), threads=1, mirroring=mirroring)
        latency = measure_latency(plans, configuration, dataset, workload)
        assert (latency.patches, latency.passes) == (20 if configuration == "2d" else 2, expected)
        assert 0 < latency.seconds < 60


def test_a_measurement_leaves_the_random_state_alone(tmp_path: Path) -> None:
    import torch

    plans, dataset = read(write_model_folder(tmp_path, features=(4, 8)))
    before = torch.get_rng_state()
    measure_latency(plans, NAME, dataset, Workload((16, 16, 16), (1.0, 1.0, 1.0), threads=1, mirroring=False))
    assert torch.equal(torch.get_rng_state(), before)


def test_members_are_listed_for_every_configuration_also_for_those_the_runtime_cannot_run(tmp_path: Path) -> None:
    plans, dataset = read(write_model_folder(tmp_path, features=(16, 32, 64)))
    plans["configurations"]["3d_cascade"] = {"inherits_from": NAME, "previous_stage": "3d_lowres"}
    workload = Workload((32, 32, 32), (1.0, 1.0, 1.0), threads=1)
    members = family_members(plans, dataset, factors=[4, 2], workload=workload)
    assert [(m.configuration, m.factor, m.features) for m in members] == [
        (name, factor, features)
        for name in (NAME, "3d_cascade")
        for factor, features in ((1, (16, 32, 64)), (2, (8, 16, 32)), (4, (4, 8, 16)))
    ]
    assert [m.plans_name for m in members[:3]] == ["nnUNetPlans", "nnUNetPlans_x2", "nnUNetPlans_x4"]
    assert all(m.memory_bytes is not None for m in members[:3])
    assert all(m.memory_bytes is None for m in members[3:])
    assert members[3].parameters - members[0].parameters == 2 * 16 * 27, "a cascade sees two further channels"
