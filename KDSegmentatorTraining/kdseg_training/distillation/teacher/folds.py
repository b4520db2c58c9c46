"""Which folds of a teacher have seen the cases that a student is validated on."""

from __future__ import annotations

from typing import Optional, Sequence, Union

from kdseg.errors import AgreementError


def check_folds(
    teacher_folds: Sequence[Union[int, str]],
    student_fold: Union[int, str],
    *,
    teacher_data_set: str,
    student_data_set: str,
    allow_seen_validation: bool = False,
) -> Optional[str]:
    """Check that the teacher was not trained on the cases that the student is validated on.

    nnU-Net's fold *k* is trained on all cases but those of fold *k*, so only a teacher of the very same fold has not seen
    them. A student of fold ``all`` has no cases of its own to validate on. Of another data set nothing is known.

    Parameters
    ----------
    teacher_folds, student_fold
        Numbers or ``all``.
    teacher_data_set, student_data_set
        ``dataset_name`` of both plans.
    allow_seen_validation
        Go on all the same; then the words why that is doubtful are returned, for the log and the provenance.

    Returns
    -------
    str or None
        What has to be said about the student's validation; None if nothing.

    Raises
    ------
    AgreementError
        If the teacher has seen the student's validation cases, and that is not allowed.
    """
    if str(student_fold) == "all":
        return None
    if teacher_data_set != student_data_set:
        return (
            f"The teacher was trained on {teacher_data_set}, the student on {student_data_set}: whether they share cases "
            "cannot be told from the folds."
        )
    seen = [str(fold) for fold in teacher_folds if str(fold) != str(student_fold)]
    if not seen:
        return None
    were = f"folds {', '.join(seen)} were" if len(seen) > 1 else f"fold {seen[0]} was"
    words = (
        f"The teacher's {were} trained on the validation cases of the student's fold {student_fold}: the student learns their "
        "labels through the teacher, and its validation scores are too good."
    )
    if not allow_seen_validation:
        raise AgreementError(
            words,
            expected=f"a teacher of fold {student_fold} only",
            found=f"folds {', '.join(str(f) for f in teacher_folds)}",
            remedy=(
                "Distil from the same fold (teacher.folds), or set teacher.allow_seen_validation: true and judge the student "
                "on test cases that neither has seen."
            ),
        )
    return words
