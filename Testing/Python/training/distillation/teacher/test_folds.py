"""Which teachers have seen the student's validation cases."""

from __future__ import annotations

from typing import Any

import pytest

from kdseg.errors import AgreementError
from kdseg_training.distillation.teacher import check_folds

SAME = {"teacher_data_set": "Dataset004_Hippocampus", "student_data_set": "Dataset004_Hippocampus"}


@pytest.mark.parametrize(
    ("teacher", "student"), [((0,), 0), (("0",), 0), ((3,), "3"), (("all",), "all"), ((0, 1, 2, 3, 4), "all"), ((0,), "all")]
)
def test_a_teacher_of_the_same_fold_has_not_seen_them_and_all_has_none(teacher: Any, student: Any) -> None:
    assert check_folds(teacher, student, **SAME) is None


@pytest.mark.parametrize(
    ("teacher", "student", "words"),
    [
        ((0, 1, 2, 3, 4), 0, "folds 1, 2, 3, 4 were trained on the validation cases of the student's fold 0"),
        ((1,), 0, "fold 1 was trained on the validation cases of the student's fold 0"),
        (("all",), 2, "fold all was trained on the validation cases of the student's fold 2"),
    ],
)
def test_a_teacher_that_has_seen_them_is_refused_unless_allowed(teacher: Any, student: Any, words: str) -> None:
    with pytest.raises(AgreementError, match=words) as caught:
        check_folds(teacher, student, **SAME)
    assert "allow" in caught.value.remedy
    allowed = check_folds(teacher, student, **SAME, allow_seen_validation=True)
    assert allowed is not None
    assert words in allowed
    assert "too good" in allowed


def test_of_another_data_set_nothing_is_known_and_that_is_said() -> None:
    words = check_folds((1, 2), 0, teacher_data_set="Dataset001_A", student_data_set="Dataset002_B")
    assert words is not None
    assert "Dataset001_A" in words
    assert "cannot be told" in words
