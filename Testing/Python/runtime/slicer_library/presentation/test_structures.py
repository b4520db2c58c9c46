"""Which structures are wanted."""

from __future__ import annotations

import pytest

from KDSegmentatorLib.presentation.structures import Structure, matches, restored, summary, wanted

STRUCTURES = (Structure(1, "Left kidney", (1, 2, 3)), Structure(2, "Right kidney", (4, 5, 6)), Structure(7, "Liver", (7, 8, 9)))


@pytest.mark.parametrize(
    ("search", "found"),
    [("", True), ("kidney", True), ("KID left", True), ("left kidney", True), ("right", False), ("  ", True)],
)
def test_a_search_wants_every_word_in_any_order(search: str, found: bool) -> None:
    assert matches("Left kidney", search) is found


def test_all_structures_are_no_restriction() -> None:
    assert wanted({1, 2, 7}, STRUCTURES) is None
    assert wanted({7, 1}, STRUCTURES) == (1, 7)
    assert wanted(set(), STRUCTURES) == ()


def test_labels_that_the_student_lacks_are_ignored() -> None:
    assert wanted({1, 2, 7, 99}, STRUCTURES) is None
    assert restored([2, 99], STRUCTURES) == {1, 7}
    assert restored([], STRUCTURES) == {1, 2, 7}


def test_the_sentence_above_the_list() -> None:
    assert summary(3, 3) == "All structures (3)"
    assert summary(1, 1) == "1 structure"
    assert summary(2, 3) == "2 of 3 structures"
    assert summary(0, 3) == "No structure is chosen"
    assert summary(0, 0) == ""
