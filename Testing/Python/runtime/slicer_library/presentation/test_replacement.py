"""When the user is asked before a result replaces what a segmentation holds."""

from __future__ import annotations

import pytest

from KDSegmentatorLib.presentation.replacement import TargetFacts, replacement_question

STUDENT = "liver 1.0.0"


@pytest.mark.parametrize("target", [TargetFacts("s", 0, "", edited=True), TargetFacts("s", 2, STUDENT)])
def test_an_empty_or_untouched_segmentation_is_replaced_without_a_question(target: TargetFacts) -> None:
    assert replacement_question(target, STUDENT) == ""


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (TargetFacts("s", 1, "", edited=True), "“s” holds segments that no student made."),
        (TargetFacts("s", 1, "liver 2.0.0"), "“s” was made by another student, liver 2.0.0."),
        (TargetFacts("s", 1, STUDENT, edited=True), "“s” was changed by hand since it was made."),
    ],
)
def test_what_cannot_be_computed_again_is_asked_for(target: TargetFacts, words: str) -> None:
    question = replacement_question(target, STUDENT)
    assert question.startswith(words)
    assert question.endswith("Replacing it cannot be undone.")
