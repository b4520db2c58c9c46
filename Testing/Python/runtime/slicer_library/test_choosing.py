"""What is known of the students of a family here, from which source, and profiles as such a source."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Optional

import pytest

from kdseg.choosing import Budget
from kdseg.geometry import Geometry
from kdseg.hardware import describe_hardware, this_machine
from kdseg.limits import EngineName, Limits, Options
from kdseg.sides import SideExchange
from kdseg_testing.threshold_student import write_threshold_student
from KDSegmentatorLib.choosing import Conditions, choose_member, family_members, known_of
from KDSegmentatorLib.estimates import RunEstimate, estimate_run
from KDSegmentatorLib.profiles import ProfileBook
from KDSegmentatorLib.rates import RateBook
from KDSegmentatorLib.students import InstalledStudent, StudentLibrary

GRID = Geometry((20, 24, 28), (1.0, 1.0, 1.0))
PATCHES = 4 * 5 * 6  # 8-voxel tiles every 4 voxels
VOXELS = 20 * 24 * 28


def quality(dice: float) -> dict[str, Any]:
    share = {"mean": dice, "n": 9, "interval": [0.0, 1.0], "confidence": 0.95}
    distance = {"mean": 1.0, "n": 9, "interval": [0.0, 2.0], "confidence": 0.95}
    return {
        "test_set": "9 cases",
        "method": "by hand",
        "classes": [{"value": 1, "dice": share, "nsd": share, "hd95_mm": distance}],
    }


@pytest.fixture
def students(tmp_path: Path) -> tuple[InstalledStudent, ...]:
    """A wide and a narrow student of one family, and a stranger."""
    folder = tmp_path / "students"
    folder.mkdir()
    write_threshold_student(folder, name="wide", parameters=16, quality=quality(0.9))
    stated = {"hardware": "a laptop", "threads": 4, "engine": "cpu", "task": "a head", "n": 20, "median_s": 33.0}
    write_threshold_student(folder, name="narrow", parameters=1, quality=quality(0.8), latency=[stated])
    write_threshold_student(folder, name="stranger", modality="CT")
    return StudentLibrary(folder, tmp_path / "user").students()


@pytest.fixture
def family(students: tuple[InstalledStudent, ...]) -> tuple[InstalledStudent, ...]:
    narrow = next(s for s in students if s.name == "narrow")
    return family_members(narrow, students)


def profile(
    student: InstalledStudent, *, created: str = "2026-03-01T10:00:00Z", network: float = 12.0, passes: int = 1, **changes: Any
) -> dict:
    """A profile of one student: 120 passes, 3 million voxels, one warm-up and two runs."""

    def run(wall_s: float, *, warm_up: bool = False) -> dict:
        stages = [{"stage": "read", "wall_s": wall_s - network}, {"stage": "network", "wall_s": network}]
        return {"warm_up": warm_up, "wall_s": wall_s, "peak_rss_bytes": 7_000_000 + int(wall_s), "stages": stages}

    runs = [run(99.0, warm_up=True), run(network + 3.0), run(network + 3.0)]
    subject = {
        **{"kind": "student", "sha256": student.sha256, "patches": 120 // passes, "passes": passes},
        "measurements": [{"threads": 2, "engine": "cpu", "start_s": 0.5, "runs": runs}],
    }
    volume = {"shape_zyx": [100, 100, 300], "channels": 1}
    teacher = {**subject, "kind": "nnunet"}
    return {
        **{"schema": "kdseg-profile/1", "machine": this_machine(), "created_utc": created},
        **{"volume": volume, "subjects": [teacher, subject]},
        **changes,
    }


def keep(folder: Path, data: Any, name: str = "one.json") -> ProfileBook:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(data if isinstance(data, str) else json.dumps(data))
    return ProfileBook(folder)


def conditions(folder: Path) -> Conditions:
    return Conditions(EngineName.CPU, 2, True, ProfileBook(folder))


def nothing(_student: InstalledStudent) -> Optional[RunEstimate]:
    return None


def test_the_family_leaves_strangers_and_older_versions_out(
    family: tuple[InstalledStudent, ...], students: tuple[InstalledStudent, ...], tmp_path: Path
) -> None:
    assert [s.name for s in family] == ["narrow", "wide"]
    older = tmp_path / "students"
    write_threshold_student(older, name="wide", version="0.9.0", quality=quality(0.99))
    again = StudentLibrary(older, tmp_path / "user").students()
    assert len(again) == 4
    assert [s.identifier for s in family_members(family[0], again)] == ["narrow-1.0.0", "wide-1.0.0"]


def test_without_a_volume_and_a_profile_only_the_bundles_speak(family: tuple[InstalledStudent, ...], tmp_path: Path) -> None:
    narrow, wide = known_of(family, nothing, conditions(tmp_path / "none"))
    assert narrow.candidate.seconds.value == 33.0
    assert "stated by its author for a head on a laptop" in narrow.candidate.seconds.source
    assert narrow.candidate.quality.value == pytest.approx(0.8)
    assert (wide.candidate.seconds, wide.candidate.memory_bytes) == (None, None)
    assert wide.candidate.parameters == 16


def test_a_profile_comes_before_the_bundle(family: tuple[InstalledStudent, ...], tmp_path: Path) -> None:
    keep(tmp_path / "p", profile(family[0]))
    narrow, _wide = known_of(family, nothing, conditions(tmp_path / "p"))
    assert narrow.candidate.seconds.value == pytest.approx(15.5)  # 12 + 3 + 0.5 s to start
    assert narrow.candidate.memory_bytes.value == 7_000_015
    assert narrow.candidate.seconds.source == (
        "for a volume of 100 × 100 × 300 voxels, from a profile made on this computer on 2026-03-01"
    )


def test_with_a_volume_a_profile_is_scaled_to_it_and_runs_come_first(
    family: tuple[InstalledStudent, ...], tmp_path: Path
) -> None:
    narrow = family[0]
    profiles = keep(tmp_path / "p", profile(narrow))
    rates = RateBook(tmp_path / "rates.json")
    settings = {"limits": Limits(2), "options": Options(engine=EngineName.CPU), "rates": rates, "profiles": profiles}
    estimate = estimate_run(narrow, GRID, **settings)
    # 0.1 s for each of 120 passes, 1 s for each million voxels, 0.5 s to start
    assert estimate.seconds == pytest.approx(0.5 + PATCHES * 0.1 + VOXELS / 1e6)
    assert estimate.seconds_source == "from a profile made on this computer on 2026-03-01"
    rates.remember(
        {
            "stages_seconds": {"read": 2.0, "network": 6.0},
            "settings": {"patches": 30, "passes_per_patch": 2},
            "engine": {"name": "cpu", "threads": 2},
            "input": {"shape_zyx": [100, 100, 100]},
            "inputs": [{}],
            "request": {"student_sha256": narrow.sha256},
        },
        wall_seconds=9.0,
    )
    estimate = estimate_run(narrow, GRID, **settings)
    assert estimate.seconds == pytest.approx(1.0 + PATCHES * 0.1 + VOXELS / 1e6 * 2.0)
    assert estimate.seconds_source == "from earlier runs on this computer"
    member = known_of((narrow,), lambda s: estimate, conditions(tmp_path / "p"))[0]
    assert member.candidate.seconds.value == estimate.seconds
    assert member.candidate.memory_bytes.value == estimate.peak_bytes
    assert member.candidate.memory_bytes.source == "estimated for this volume"


def test_a_time_that_is_unknown_here_falls_back_to_the_author_and_warns(
    family: tuple[InstalledStudent, ...], tmp_path: Path
) -> None:
    estimates = {"narrow": RunEstimate(10, True), "wide": RunEstimate(20, True, seconds=5.0, seconds_source="here")}
    members = known_of(family, lambda s: estimates[s.name], conditions(tmp_path))
    answer = choose_member(members, Budget(seconds=40))
    assert answer.student.name == "wide"
    assert answer.members == members
    assert "The time of the students was not measured on the same thing: compare with care." in answer.choice.cautions


def test_a_profile_with_other_mirroring_does_not_speak_for_a_run(family: tuple[InstalledStudent, ...], tmp_path: Path) -> None:
    student = family[0]
    keep(tmp_path / "p", profile(student, passes=2))
    assert conditions(tmp_path / "p").profiled(student) is None  # this student allows no mirroring
    for mirrored in (replace(student, mirroring_axes=(2,)), replace(student, side_exchange=SideExchange((0, 1)))):
        assert conditions(tmp_path / "p").profiled(mirrored).passes == 2
        assert replace(conditions(tmp_path / "p"), mirroring=False).profiled(mirrored) is None


def test_the_newest_profile_counts(family: tuple[InstalledStudent, ...], tmp_path: Path) -> None:
    keep(tmp_path / "p", profile(family[0], created="2026-03-02T10:00:00Z", network=24.0), "a.json")
    book = keep(tmp_path / "p", profile(family[0]), "b.json")
    assert book.find(family[0].sha256, EngineName.CPU, 2).case_seconds == pytest.approx(27.5)
    assert book.find(family[0].sha256, EngineName.CPU, 3) is None
    assert book.find(family[0].sha256, EngineName.OPENVINO, 2) is None
    assert book.find(family[1].sha256, EngineName.CPU, 2) is None
    keep(tmp_path / "p", profile(family[0], created="2026-03-03T10:00:00Z", network=48.0), "a.json")
    assert book.find(family[0].sha256, EngineName.CPU, 2).case_seconds == pytest.approx(
        51.5
    )  # a file that changed is read anew


def test_profiles_of_other_computers_say_nothing(family: tuple[InstalledStudent, ...], tmp_path: Path) -> None:
    book = keep(tmp_path / "p", profile(family[0], machine="another / i486"))
    assert book.find(family[0].sha256, EngineName.CPU, 2) is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"schema": "kdseg-profile/1"}',
        '{"schema": "kdseg-profile/2", "machine": "x", "subjects": [1]}',
        '"\\ud800"',
    ],
)
def test_a_damaged_profile_does_not_hide_the_others(family: tuple[InstalledStudent, ...], tmp_path: Path, content: str) -> None:
    keep(tmp_path / "p", content, "0.json")
    book = keep(tmp_path / "p", profile(family[0]))
    assert book.find(family[0].sha256, EngineName.CPU, 2) is not None


def test_impossible_numbers_in_a_profile_are_left_out(family: tuple[InstalledStudent, ...], tmp_path: Path) -> None:
    for change in ({"volume": {"shape_zyx": [0, 1, 1], "channels": 1}}, {"volume": {"shape_zyx": [1, 1], "channels": 1}}):
        book = keep(tmp_path / "p", profile(family[0], **change))
        assert book.find(family[0].sha256, EngineName.CPU, 2) is None
    broken = profile(family[0])
    broken["subjects"][1]["measurements"][0]["start_s"] = -1.0
    assert keep(tmp_path / "p", broken).find(family[0].sha256, EngineName.CPU, 2) is None


def test_the_machine_is_named_by_its_name_and_processor() -> None:
    assert (describe_hardware().cpu_model or "/") in this_machine()
