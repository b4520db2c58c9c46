"""Installations in the bed: asked for as in Slicer, recorded, and never carried out."""

from __future__ import annotations

from subprocess import CalledProcessError

import pytest
import slicer.packaging

import slicer


def test_pip_is_refused_unless_the_test_expects_it(pip) -> None:
    with pytest.raises(AssertionError, match="pip was called"):
        slicer.util.pip_install("onnxruntime")


@pytest.mark.parametrize(
    ("install", "arguments"),
    [
        (lambda: slicer.util.pip_install("a b"), ["install", "a", "b"]),
        (lambda: slicer.util.pip_install(["a>=1", "--no-index"]), ["install", "a>=1", "--no-index"]),
        (lambda: slicer.packaging.pip_install(["a"], constraints="c.txt"), ["install", "a", "-c", "c.txt"]),
        (lambda: slicer.util.pip_uninstall("a"), ["uninstall", "a", "--yes"]),
        (lambda: slicer.util.executePythonModule("pip", ["download", "a"]), ["download", "a"]),
    ],
)
def test_every_way_to_pip_is_recorded(pip, install, arguments: list[str]) -> None:
    pip.succeed()
    install()
    assert pip.calls == [arguments]


def test_a_failure_is_slicers_error(pip) -> None:
    pip.fail(2)
    with pytest.raises(CalledProcessError):
        slicer.packaging.pip_ensure(["there-is-no-such-package"], prompt_install=False)


def test_what_is_installed_is_not_asked_for(pip) -> None:
    slicer.packaging.pip_ensure(["numpy>=1.20"], requester="KDSegmentator")
    assert pip.calls == []


def test_the_user_can_decline(pip, hands) -> None:
    hands.answer("Cancel")
    with pytest.raises(RuntimeError, match="declined"):
        slicer.packaging.pip_ensure(["there-is-no-such-package"], requester="KDSegmentator")
    assert "KDSegmentator" in hands.dialogs()[0]
    assert pip.calls == []


def test_versions_are_compared() -> None:
    assert slicer.packaging.pip_check("numpy>=1.20")
    assert not slicer.packaging.pip_check("numpy>=1000")
    assert not slicer.packaging.pip_check("there-is-no-such-package")
    assert slicer.packaging.pip_check("there-is-no-such-package; sys_platform == 'beos'") is True
