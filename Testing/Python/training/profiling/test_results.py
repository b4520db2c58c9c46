"""What follows from runs, worked out by hand; and profiles as JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from kdseg.errors import ConfigurationError
from kdseg_training.profiling import Profile
from kdseg_training.profiling.tables import runs_csv, summary_csv

from .conftest import GIB, make_profile, make_run, make_subject


def test_warm_ups_count_for_memory_only() -> None:
    subject = make_subject("a", [4.0, 8.0, 6.0])
    measurement = subject.measurements[0]
    measurement = replace(measurement, runs=(make_run(0, 100.0, peak=3 * GIB, warm_up=True), *measurement.runs[1:]))
    assert measurement.seconds == 6.0
    assert len(measurement.counted) == 3
    assert measurement.peak_rss_bytes == 3 * GIB
    assert measurement.volumes_per_hour() == 600.0


def test_work_and_share_of_the_peak() -> None:
    profile = make_profile(make_subject("a", [4.0, 8.0, 6.0]))
    subject = profile.subject("a")
    row = profile.summary_row(subject, subject.measurements[0])
    assert row["flops_per_patch"] == 2 * 10**9  # two mirrored passes
    assert row["flops_per_volume"] == 6 * 10**9  # three patches
    assert row["network_flops_per_s"] == pytest.approx(6e9 / 4.5)  # three quarters of 6 s
    assert row["peak_share"] == pytest.approx(6e9 / 4.5 / 8e9)
    assert row["voxels_per_s"] == pytest.approx(1000.0)
    assert row["stages_peak_rss_bytes"]["read"] == GIB // 2
    assert row["stages_peak_rss_bytes"]["write"] is None


def test_a_profile_survives_json() -> None:
    profile = make_profile(make_subject("a", [4.0, 8.0]), make_subject("b", [1.0], dice=None))
    text = profile.to_json()
    assert Profile.from_json(text) == profile
    data = json.loads(text)
    assert data["schema"] == "kdseg-profile/1"
    assert [row["key"] for row in data["summary"]] == ["a", "b"]


def test_a_profile_from_before_exchanged_sides_were_kept_still_loads() -> None:
    profile = make_profile(make_subject("a", [4.0]))
    data = json.loads(profile.to_json())
    assert data["subjects"][0].pop("sides_exchanged") is False
    assert Profile.from_json(json.dumps(data)) == profile


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"schema": "kdseg-profile/1"', '"schema": "kdseg-profile/2"', "not a profile"),
        ('"capacity"', '"capasity"', "subjects"),
        ('"threads": 2', '"threads": "2"', "threads"),
        ('"kind": "student"', '"kind": "oracle"', "kind"),
        ('"warm_up": true', '"warm_up": 1', "warm_up"),
        ('"wall_s": 100.0', '"wall_s": NaN', "wall_s"),
        ("{", "[", "not JSON"),
    ],
)
def test_a_file_that_is_no_profile_is_refused(old: str, new: str, said: str) -> None:
    text = make_profile(make_subject("a", [4.0])).to_json()
    assert old in text
    with pytest.raises(ConfigurationError, match=said):
        Profile.from_json(text.replace(old, new, 1), path="a.json")


def test_tables_have_a_row_for_each_measurement_and_each_run() -> None:
    profile = make_profile(make_subject("a", [4.0, 8.0]), make_subject('b, "c"', [1.0], dice=None))
    rows = list(csv.DictReader(io.StringIO(summary_csv(profile))))
    assert [row["subject"] for row in rows] == ["a", 'b, "c"']
    assert (rows[0]["wall_p50_s"], rows[0]["network_s"], rows[0]["dice"], rows[1]["dice"]) == ("6.0", "4.5", "0.9", "")
    assert rows[0]["machine_copy_bytes_per_s"] == "4000000000.0"
    runs = list(csv.DictReader(io.StringIO(runs_csv(profile))))
    assert [(run["subject"], run["warm_up"], run["wall_s"]) for run in runs[:2]] == [("a", "1", "100.0"), ("a", "0", "4.0")]
    assert len(runs) == 5


def test_a_subject_that_failed_has_no_numbers() -> None:
    subject = make_subject("a", [])
    failed = replace(subject.measurements[0], runs=(), error={"problem": "It failed."})
    profile = make_profile(replace(subject, measurements=(failed,)))
    assert failed.seconds is None
    assert failed.peak_rss_bytes is None
    assert profile.subject("a").main is None
    assert "It failed." in summary_csv(profile)
    assert Profile.from_json(profile.to_json()) == profile
