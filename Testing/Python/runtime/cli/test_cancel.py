"""Ctrl-C in a process of its own: the first one leaves nothing behind, the second one ends at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = """
import sys, time
from kdseg.cli.main import main
from kdseg.cli.runtime import Runtime
from kdseg.progress import Monitor, Stage

class Slow(Runtime):
    def segment(self, volume, student, *, progress, cancel, **options):
        print("running", flush=True)
        monitor = Monitor(progress, cancel)
        for patch in range(600):
            {body}
        raise AssertionError("never cancelled")

sys.exit(main(sys.argv[1:], runtime=Slow()))
"""
POLITE = "monitor.report(Stage.NETWORK, patch / 600); time.sleep(0.1)"
DEAF = "time.sleep(0.1)"


def start(body: str, repository: Path, *words: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(repository / "KDSegmentator")}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(body=body), *map(str, words)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("running"):
            return process
    raise AssertionError(process.communicate()[1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_one_cancels_and_leaves_nothing(repository, student, an_image, tmp_path, number):
    images = [an_image("a.nii.gz"), an_image("b.nii.gz")]
    process = start(POLITE, repository, "segment", *images, "-m", student, "-o", tmp_path / "out", "--report", "--picture")
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "cancelled" in err and "Traceback" not in err
    assert "1 cancelled, 1 not started" in out
    assert not (tmp_path / "out").exists()


def test_the_second_one_ends_at_once(repository, student, an_image, tmp_path):
    process = start(DEAF, repository, "segment", an_image(), "-m", student, "-o", tmp_path / "out")
    process.send_signal(signal.SIGINT)
    time.sleep(1.0)
    assert process.poll() is None  # the first one waits for the next patch, which never comes
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=5)
    assert process.returncode == -signal.SIGINT  # what a shell shows as 130
    assert list((tmp_path / "out").iterdir()) == []
