"""What a report says was asked for, by which a later run tells whether a case is done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kdseg.bundle import load_student
from kdseg.cli.done import make_request
from kdseg.limits import Options
from kdseg.sides import SideExchange


@pytest.mark.parametrize(
    ("axes", "asked", "done"), [((0, 1, 2), True, True), ((0, 1, 2), False, False), (None, True, False), ((), True, False)]
)
def test_mirroring_is_told_as_it_is_done(student, axes, asked, done):
    made = replace(load_student(student), mirroring_axes=axes)
    assert make_request(made, Options(mirroring=asked))["mirroring"] is done


@pytest.mark.parametrize("asked", [True, False])
def test_a_student_whose_sides_are_exchanged_is_mirrored(student, asked):
    made = replace(load_student(student), mirroring_axes=None, side_exchange=SideExchange((0, 1)))
    assert make_request(made, Options(mirroring=asked))["mirroring"] is asked
