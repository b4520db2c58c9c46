"""What people must not miss about a result: told with it, in the table, and also where only errors are printed."""

from __future__ import annotations

import pytest

from kdseg.cli.runtime import Runtime
from kdseg.hardware import Hardware

DOUBT = "The image looks like a CT, but the student was made for MR."


class DoubtfulRuntime(Runtime):
    """Doubts the images whose names begin with ``odd``."""

    def doubts(self, volume, student):
        return (DOUBT,) if "odd" in volume.source else ()


def test_the_table_and_the_summary_name_doubtful_results(kdseg, student, an_image, tmp_path):
    odd = an_image("odd.nii.gz")
    called = kdseg("segment", odd, an_image("plain.nii.gz"), "-m", student, "-o", tmp_path / "out", runtime=DoubtfulRuntime())
    assert called.code == 0
    (row,) = [line for line in called.out.splitlines() if line.startswith("odd ")]
    assert "done, with 1 warning " in row
    assert called.out.splitlines()[-1] == "2 done; 1 with warnings"
    assert called.err.count(f"warning: {odd}: {DOUBT}") == 1


def test_a_quiet_run_still_warns(kdseg, student, an_image):
    odd = an_image("odd.nii.gz")
    called = kdseg("segment", odd, "-m", student, "--quiet", runtime=DoubtfulRuntime())
    assert (called.code, called.out, called.err) == (0, "", f"  warning: {odd}: {DOUBT}\n")


def test_programs_find_the_warning_in_the_result(kdseg, student, an_image):
    called = kdseg("segment", an_image("odd.nii.gz"), "-m", student, "--json", "--quiet", runtime=DoubtfulRuntime())
    (result,), (summary,) = called.named("result"), called.named("summary")
    assert result["warnings"] == [DOUBT] and summary["with_warnings"] == 1 and called.err == ""


@pytest.fixture
def little_memory(monkeypatch):
    """A computer that has enough to read an image, and less than the run is estimated to need."""
    monkeypatch.setattr(Hardware, "usable_bytes", 1024**2)


@pytest.mark.usefixtures("little_memory")
def test_little_memory_is_told_once_before_the_run_and_counted(kdseg, student, an_image, tmp_path):
    one, two = an_image("one.nii.gz"), an_image("two.nii.gz")
    called = kdseg("segment", one, two, "-m", student, "-o", tmp_path / "out", runtime=DoubtfulRuntime())
    assert called.code == 0
    assert called.err.count("only 1 MiB are available") == 2
    assert called.err.count(f"warning: {one}: The run needs about ") == 1
    assert sum("done, with 1 warning " in line for line in called.out.splitlines()) == 2
    assert called.out.splitlines()[-1] == "2 done; 2 with warnings"


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("quiet", [(), ("--quiet",)])
def test_programs_are_warned_of_little_memory_before_the_run_and_with_the_result(kdseg, student, an_image, quiet):
    odd = an_image("odd.nii.gz")
    called = kdseg("segment", odd, "-m", student, "--json", *quiet, runtime=DoubtfulRuntime())
    (result,), (summary,) = called.named("result"), called.named("summary")
    warning, doubt = result["warnings"]
    assert "only 1 MiB are available" in warning and doubt == DOUBT
    assert [e["message"] for e in called.named("finding")] == [DOUBT, warning]
    assert summary["with_warnings"] == 1 and called.err == ""
