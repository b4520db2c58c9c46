"""``kdseg-training profile`` as a user meets it."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from kdseg_training.cli import app
from kdseg_training.profiling import Profile, profiler

SMALL = ["--shape", "12,16,20", "--threads", "1", "-n", "1", "--no-machine-peak", "--engine", "cpu"]


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def run(*words: object):
    return CliRunner().invoke(app, ["profile", *map(str, words)])


def test_card_files_and_choice(bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    result = run(bundle, *SMALL, "-o", out, "--quality", "threshold 1.0.0=0.5", "--budget-seconds", 500, "--least-dice", 0.4)
    assert result.exit_code == 0, result.output
    assert "mean Dice 0.500 (stated on the command line)" in result.stdout
    assert "12 × 16 × 20 voxels (z, y, x)" in result.stdout
    assert "Choose for me: threshold 1.0.0 is the only student that keeps to" in result.stdout
    assert {p.name for p in out.iterdir()} == {"profile.json", "profile.txt", "profile.csv", "runs.csv", "profile.png"}
    found = Profile.from_json((out / "profile.json").read_bytes())
    (kept,) = (tmp_path / "data" / "KDSegmentator" / "Profiles").iterdir()
    assert Profile.from_json(kept.read_bytes()) == found
    assert found.subjects[0].quality.dice == 0.5


def test_json_is_one_object(bundle: Path, tmp_path: Path) -> None:
    result = run(bundle, *SMALL, "--json", "--no-keep", "--least-dice", 0.9)
    assert result.exit_code == 1, result.output
    data = json.loads(result.stdout)
    assert data["schema"] == "kdseg-profile/1"
    assert data["points"][0]["key"] == "threshold 1.0.0"
    assert data["choice"]["chosen"] is None  # its quality is unknown, and unknown is not good enough
    assert "not known" in data["choice"]["rejected"][0]
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--threads", "two"], "--threads is not usable"),
        (["--threads", "1.5"], "whole numbers"),
        (["--shape", "1,2"], "three values"),
        (["--spacing", "1,1,1"], "--spacing needs --shape"),
        (["--shape", "10,10,10", "--spacing", "0,1,1"], "spacing_mm"),
        (["--quality", "a=2"], "Dice from 0 to 1"),
        (["--quality", "nobody=0.5", "--shape", "9,9,9"], "--quality names no subject"),
        (["--reference", "nobody", "--shape", "9,9,9"], "--reference names no subject"),
        (["--least-dice", "2"], "budget is not usable"),
        (["--teacher-mirroring", "maybe"], "on, off or both"),
        (["--volume", "no.nii.gz", "--shape", "9,9,9"], "either files or a synthetic volume"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(words: list[str], said: str, bundle: Path) -> None:
    result = run(bundle, *words)
    assert result.exit_code == 9, result.output
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_a_bundle_given_twice_is_refused(bundle: Path) -> None:
    result = run(bundle, bundle.parent / "." / bundle.name, *SMALL)
    assert result.exit_code == 9, result.output
    assert "expected each bundle once" in result.stderr


def test_errors_for_programs_are_json(tmp_path: Path) -> None:
    result = run(tmp_path / "none.kdseg.zip", "--shape", "9,9,9", "--json")
    assert result.exit_code == 4
    assert json.loads(result.stderr)["error"]["type"] == "BundleIntegrityError"


def test_the_document_names_options_that_exist(repository: Path) -> None:
    text = (repository / "docs" / "profiling.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) - {"--disable_tta", "--disable"}
    command = typer.main.get_command(app).commands["profile"]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert shown <= known, shown - known
    assert len(shown) > 12


def test_sigterm_ends_it_as_ctrl_c_does_and_stays_what_it_was(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(profiler, "profile", lambda *_, **__: signal.raise_signal(signal.SIGTERM))
    result = run(bundle, *SMALL, "--no-keep")
    assert result.exit_code == 130
    assert "The profile was interrupted. What to do: Keep finished runs with --journal." in result.stderr
    assert signal.getsignal(signal.SIGTERM) is before
