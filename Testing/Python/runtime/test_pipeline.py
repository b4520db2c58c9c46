"""The one function that segments: same labels for every plan and every number of threads, progress, cancellation, report."""

import os
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from kdseg.bundle import load_student
from kdseg.errors import Cancelled, ChannelError, MemoryLimitError
from kdseg.geometry import Geometry
from kdseg.limits import Limits, Options
from kdseg.memory import ENGINE_BYTES, Baseline
from kdseg.pipeline import estimate, segment
from kdseg.progress import Stage
from kdseg.volume import Volume
from kdseg_testing.threshold_student import expected_labels, write_threshold_student


@pytest.fixture(scope="module")
def reference(hippocampus_student, smooth_volume):
    labels = segment(smooth_volume, hippocampus_student, limits=Limits(threads=1)).labels
    assert len(np.unique(labels)) == 3, "the comparison is worth little if nothing is found"
    return labels


@pytest.mark.parametrize("threads", range(2, 9))
def test_the_labels_do_not_depend_on_the_number_of_threads(hippocampus_student, smooth_volume, reference, threads):
    found = segment(smooth_volume, hippocampus_student, limits=Limits(threads=threads)).labels
    np.testing.assert_array_equal(found, reference)


def test_a_ceiling_gives_a_leaner_plan_with_the_same_labels(hippocampus_student, monkeypatch):
    monkeypatch.setattr("kdseg.memory.resident_bytes", lambda: 100_000_000)
    shape = (40, 260, 50)
    voxels = ndimage.gaussian_filter(np.random.default_rng(1).standard_normal(shape), 2.5).astype(np.float32)
    tall = Volume(voxels[None], Geometry(shape, (0.8, 1.1, 1.0)), "tall")
    whole = segment(tall, hippocampus_student, options=Options(mirroring=False))
    assert len(np.unique(whole.labels)) == 3
    ceiling = whole.report["memory"]["estimate_bytes"] - 1
    lean = segment(tall, hippocampus_student, limits=Limits(memory_bytes=ceiling), options=Options(mirroring=False))
    assert (whole.report["settings"]["strips"], lean.report["settings"]["strips"]) == (1, 2)
    assert lean.report["memory"]["estimate_bytes"] <= ceiling
    np.testing.assert_array_equal(lean.labels, whole.labels)


def test_a_ceiling_that_no_plan_keeps_is_refused_with_both_numbers(hippocampus_student, smooth_volume):
    with pytest.raises(MemoryLimitError, match=r"at most 0\.01 GiB.*an estimate of \d\.\d\d GiB") as caught:
        segment(smooth_volume, hippocampus_student, limits=Limits(threads=1, memory_bytes=10_000_000))
    assert caught.value.path == smooth_volume.source


def test_a_network_whose_answer_is_known(tmp_path):
    student = load_student(write_threshold_student(tmp_path))
    voxels = np.random.default_rng(0).standard_normal((1, 11, 14, 9)).astype(np.float32)
    voxels += np.sign(voxels) * 2  # the corner's weight is the smallest of half precision: less than 1 would round to 0 there
    found = segment(Volume(voxels, Geometry((11, 14, 9), (1.0, 1.0, 1.0))), student)
    np.testing.assert_array_equal(found.labels, expected_labels(voxels))
    (volume_ml,) = found.volumes_ml().values()
    assert volume_ml == pytest.approx(expected_labels(voxels).sum() / 1000)
    assert found.report["volumes_ml"] == found.volumes_ml()


def test_the_input_is_not_changed(hippocampus_student, smooth_volume):
    before = smooth_volume.voxels.copy()
    segment(smooth_volume, hippocampus_student)
    np.testing.assert_array_equal(smooth_volume.voxels, before)


def test_another_number_of_channels_is_refused(hippocampus_student, smooth_volume):
    two = Volume(np.concatenate([smooth_volume.voxels] * 2), smooth_volume.geometry, "pair")
    with pytest.raises(ChannelError, match=r"pair: .*Expected: 1 .*Found: 2"):
        segment(two, hippocampus_student)


def test_progress_rises_to_the_end_of_each_stage(hippocampus_student, smooth_volume):
    told = []
    segment(smooth_volume, hippocampus_student, progress=told.append)
    network = [p.fraction for p in told if p.stage is Stage.NETWORK]
    assert network == sorted(network)
    assert network[-1] == 1
    assert network.count(1) == 1, "all was told to be done while slabs were left"
    assert len(set(network)) > 4
    assert told[-1].seconds_left == 0
    assert {p.stage for p in told} >= {Stage.PREPROCESS, Stage.NETWORK}


@pytest.mark.parametrize("at", [0, 1, 5])
def test_cancelling_ends_the_run_and_leaves_no_thread(hippocampus_student, smooth_volume, at):
    threads = threading.active_count()
    asked = iter(range(1000))
    with pytest.raises(Cancelled):
        segment(smooth_volume, hippocampus_student, cancel=lambda: next(asked) >= at)
    assert next(asked) == at + 1, "it went on after it was told to stop"
    assert threading.active_count() == threads


def test_mirroring_can_be_switched_off(hippocampus_student, smooth_volume):
    mirrored = estimate(smooth_volume, hippocampus_student)
    plain = estimate(smooth_volume, hippocampus_student, options=Options(mirroring=False))
    assert (mirrored.passes, plain.passes) == (2 ** len(hippocampus_student.mirroring_axes or ()), 1)


def test_the_report_tells_what_ran_and_why(hippocampus_student, smooth_volume):
    report = segment(smooth_volume, hippocampus_student, limits=Limits(threads=1)).report
    assert report["student"]["model_sha256"] == hippocampus_student.model_sha256
    assert report["engine"]["reason"]
    assert report["engine"]["threads"] == 1
    assert set(report["stages_seconds"]) == {"preprocess", "network", "resample and arg-max"}
    assert report["memory"]["estimate_bytes"] > 0


MEASURE = """
import sys
import numpy as np
from kdseg.bundle import load_student
from kdseg.geometry import Geometry
from kdseg.limits import Limits, Options
from kdseg.pipeline import segment
from kdseg.volume import Volume
shape = (120, 160, 160)
voxels = (np.random.default_rng(0).standard_normal((1, *shape)) * 100).astype(np.float32)
volume, student = Volume(voxels, Geometry(shape, (0.8, 0.8, 1.1))), load_student(sys.argv[1])
report = segment(volume, student, limits=Limits(threads=2), options=Options(mirroring=False)).report
with open("/proc/self/status") as file:  # ru_maxrss would hold the parent's peak from before exec
    (peak,) = (int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
print(report["memory"]["estimate_bytes"], peak)
"""


def test_the_estimate_is_above_the_measured_peak_but_not_by_far(hippocampus_student):
    run = [sys.executable, "-c", MEASURE, hippocampus_student.source]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    finished = subprocess.run(run, capture_output=True, check=True, text=True, env=environment)
    estimated, peak = map(int, finished.stdout.split())
    assert peak <= estimated <= 2 * peak + ENGINE_BYTES, "only the flat share for code may go unused"


def test_islands_are_removed_where_the_student_asks_for_it(tmp_path):
    plain = load_student(write_threshold_student(tmp_path))
    voxels = np.full((1, 10, 12, 14), -1, np.float32)
    voxels[0, 1:5, 1:5, 1:5] = voxels[0, 8, 10, 10:13] = 1
    volume = Volume(voxels, Geometry(voxels.shape[1:], (1.0, 1.0, 1.0)))
    everything = segment(volume, plain)
    np.testing.assert_array_equal(everything.labels, voxels[0] > 0)
    assert everything.report["removed_ml"] == 0
    found = segment(volume, replace(plain, keep_largest_part=True))
    assert found.labels[1:5, 1:5, 1:5].all()
    assert found.labels.sum() == 64
    assert found.report["removed_ml"] == 0.003
    assert list(found.report["volumes_ml"].values()) == [pytest.approx(0.064)]


@pytest.mark.parametrize(
    ("now", "data", "expected"),
    [
        (180, 30, 180),  # the first case of the process: its own 150 and the data
        (290, 30, 180),  # code that the first run loaded: set aside in the estimate already
        (300, 40, 190),  # a larger volume
        (500, 30, 500 - ENGINE_BYTES / 2**20),  # something large is held besides
        (130, 30, 130),  # the process gave something back
    ],
)
def test_what_an_earlier_run_left_is_not_counted_again(monkeypatch, now, data, expected):
    baseline = Baseline()
    for measured, held in ((180, 30), (now, data)):
        monkeypatch.setattr("kdseg.memory.resident_bytes", lambda measured=measured: measured * 2**20)
        before = baseline.before_run(held * 2**20)
    assert before == expected * 2**20


TWO_CASES = """
import sys
import numpy as np
from kdseg.bundle import load_student
from kdseg.geometry import Geometry
from kdseg.limits import Limits, Options
from kdseg.pipeline import segment
from kdseg.volume import Volume
student = load_student(sys.argv[1])
for size in map(int, sys.argv[2:]):
    shape = (size, 160, 160)
    voxels = (np.random.default_rng(0).standard_normal((1, *shape)) * 100).astype(np.float32)
    volume = Volume(voxels, Geometry(shape, (0.8, 0.8, 1.1)))
    report = segment(volume, student, limits=Limits(threads=2), options=Options(mirroring=False)).report
print(report["memory"]["estimate_bytes"])
"""


def test_the_estimate_of_a_case_does_not_depend_on_the_cases_before_it(hippocampus_student):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def estimated(*sizes):
        run = [sys.executable, "-c", TWO_CASES, hippocampus_student.source, *map(str, sizes)]
        return int(subprocess.run(run, capture_output=True, check=True, text=True, env=environment).stdout)

    assert estimated(80, 40) == pytest.approx(estimated(40), abs=8 * 2**20)
