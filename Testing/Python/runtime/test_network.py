"""Students with more classes than features run without their last layer; labels and estimates hold either way."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from kdseg.bundle.selftest import SelfTest
from kdseg.cli.runtime import Runtime
from kdseg.errors import SelfTestError
from kdseg.geometry import Geometry
from kdseg.inference import engine, feature_window
from kdseg.inference.engine import open_engine
from kdseg.job import Job
from kdseg.limits import EngineName, Limits
from kdseg.memory import ENGINE_BYTES
from kdseg.network import expected_network, network_of
from kdseg.pipeline import estimate, segment
from kdseg.volume import Volume
from kdseg_testing.many_class_student import CLASSES, FEATURES, expected_labels, many_class_student


def test_a_student_with_few_classes_runs_whole(hippocampus_student) -> None:
    network = network_of(hippocampus_student)
    assert (network.channels, network.last_layer) == (hippocampus_student.plan.labels.heads, None)
    assert network.model is hippocampus_student.model


def test_a_student_with_many_classes_runs_without_its_last_layer(tmp_path) -> None:
    student = many_class_student(tmp_path)
    network = network_of(student)
    assert network.channels == FEATURES
    assert network.last_layer is not None
    assert network.last_layer.weights.shape == (CLASSES, FEATURES)
    job = Job(student)
    assert job.network is job.network, "taken apart once for each job"


def test_a_layer_with_other_classes_than_the_plan_stays_on(tmp_path) -> None:
    student = many_class_student(tmp_path)
    other = replace(student, plan=many_class_student(tmp_path, classes=CLASSES - 1).plan)
    assert network_of(other).last_layer is None


def test_the_self_test_runs_what_a_run_runs(tmp_path, monkeypatch) -> None:
    """Trunk and last layer, each of which can be damaged alone."""
    student = many_class_student(tmp_path)
    image = np.arange(8, dtype=np.float32).reshape(1, 1, 2, 2, 2)
    labels = expected_labels(image[0])
    student = replace(student, self_test=SelfTest(image, labels.astype(np.uint16), np.ones(labels.shape, bool)))
    opened = []

    def open_and_note(model, *arguments, **options):
        opened.append(model)
        return open_engine(model, *arguments, **options)

    monkeypatch.setattr(engine, "open_engine", open_and_note)
    result = Runtime().self_test(student, threads=1, engine=EngineName.CPU)
    network = network_of(student)
    assert (result.compared, opened) == (8, [network.model])
    layer = replace(network.last_layer, bias=-network.last_layer.bias)
    monkeypatch.setattr("kdseg.network.network_of", lambda _: replace(network, last_layer=layer))
    with pytest.raises(SelfTestError, match="decides differently"):
        Runtime().self_test(student, threads=1, engine=EngineName.CPU)


def test_what_is_expected_from_the_plan_is_what_runs(tmp_path, hippocampus_student) -> None:
    for student in (many_class_student(tmp_path), hippocampus_student):
        unseen = replace(student, model=bytes(len(student.model)))
        expected, real = expected_network(unseen), network_of(student)
        assert expected.channels == real.channels
        assert (expected.last_layer is None) == (real.last_layer is None)
        assert len(real.model) <= len(expected.model) <= len(real.model) + 1000


@pytest.mark.parametrize("features_bytes", [0, math.inf], ids=["features", "sums"])
@pytest.mark.parametrize("strips", [1, 2])
def test_the_labels_are_known(strips: int, features_bytes: float, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(feature_window, "window_bytes", lambda *_: features_bytes)
    monkeypatch.setattr("kdseg.memory.resident_bytes", lambda: 100_000_000)
    voxels = np.random.default_rng(0).integers(-3, CLASSES + 3, (13, 40, 18)).astype(np.float32)
    volume, student = Volume(voxels[None], Geometry(voxels.shape, (1.0, 1.0, 1.0))), many_class_student(tmp_path)
    planned = estimate(volume, student)
    assert planned.keep_features == (features_bytes == 0)
    limits = Limits(memory_bytes=planned.peak_bytes - (strips > 1))
    result = segment(volume, student, limits=limits)
    assert result.report["settings"]["strips"] == strips
    np.testing.assert_array_equal(result.labels, expected_labels(voxels))


@pytest.mark.parametrize("spacing_mm", [(0.6, 0.7, 0.8), (1.7, 1.6, 1.3)], ids=["finer", "coarser"])
def test_features_slabs_and_strips_do_not_change_interpolated_labels(spacing_mm, tmp_path, monkeypatch) -> None:
    """Where grids differ, strips hand on their edges slab by slab."""
    student, smooth = many_class_student(tmp_path), np.indices((13, 45, 18)).sum(axis=0)
    voxels = (6.0 + 7.0 * np.sin(smooth / 9.0)).astype(np.float32)
    volume = Volume(voxels[None], Geometry(voxels.shape, spacing_mm))
    monkeypatch.setattr("kdseg.memory.resident_bytes", lambda: 100_000_000)
    monkeypatch.setattr(feature_window, "window_bytes", lambda *_: math.inf)
    expected = segment(volume, student)
    assert len(np.unique(expected.labels)) == CLASSES
    monkeypatch.setattr(feature_window, "window_bytes", lambda *_: 0)
    monkeypatch.setattr(feature_window, "SLAB_BYTES", 1)
    ceiling, strips = None, []
    for _ in range(3):
        found = segment(volume, student, limits=Limits(2, ceiling))
        np.testing.assert_array_equal(found.labels, expected.labels)
        strips.append(found.report["settings"]["strips"])
        ceiling = found.report["memory"]["estimate_bytes"] - 1
    assert strips == [1, 2, 3]


MEASURE = """
import math, sys
from pathlib import Path
import numpy as np
from kdseg.geometry import Geometry
from kdseg.inference import feature_window
from kdseg.limits import Limits
from kdseg.pipeline import segment
from kdseg.volume import Volume
from kdseg_testing.many_class_student import many_class_student
shape = (96, 160, 160)
voxels = np.random.default_rng(0).integers(0, 12, (1, *shape)).astype(np.float32)
student = many_class_student(Path(sys.argv[1]), classes=60, patch_size=(64, 64, 64))
if sys.argv[2] == "sums":
    feature_window.window_bytes = lambda *_: math.inf
volume = Volume(voxels, Geometry(shape, (1.0, 1.0, 1.0)))
report = segment(volume, student, limits=Limits(threads=2)).report
with open("/proc/self/status") as file:  # ru_maxrss would hold the parent's peak from before exec
    (peak,) = (int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
print(report["memory"]["estimate_bytes"], peak)
"""


def test_keeping_features_takes_less_memory_and_the_estimate_knows(tmp_path) -> None:
    peaks = {}
    for kept in ("sums", "features"):
        folder = tmp_path / kept
        folder.mkdir()
        run = [sys.executable, "-c", MEASURE, str(folder), kept]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        finished = subprocess.run(run, capture_output=True, check=True, text=True, env=environment)
        estimated, peaks[kept] = map(int, finished.stdout.split())
        assert peaks[kept] <= estimated <= 2 * peaks[kept] + ENGINE_BYTES
    assert peaks["features"] < peaks["sums"] - 30_000_000
