"""Which segments are one structure: by name, by label value, and what has no partner."""

from __future__ import annotations

import pytest

from KDSegmentatorTrainingLib.evaluate.matching import MatchBy, SegmentFacts, match_segments, matching_sentence


def segments(*names: str, first: int = 1) -> tuple:
    return tuple(SegmentFacts(f"{name} key", name, value) for value, name in enumerate(names, start=first))


def pairs(matching) -> list:
    return [(s.prediction and s.prediction.name, s.reference.name) for s in matching.structures]


def test_names_match_whatever_their_capitals_and_spaces_in_the_order_of_the_reference() -> None:
    matching = match_segments(segments("liver ", "Spleen", "extra"), segments("SPLEEN", "Liver", "colon"))
    assert pairs(matching) == [("Spleen", "SPLEEN"), ("liver ", "Liver")]
    assert matching.only_prediction == ("extra",)
    assert matching.only_reference == ("colon",)
    assert matching.by is MatchBy.NAME


def test_without_a_shared_name_label_values_decide() -> None:
    matching = match_segments(segments("1", "2"), segments("Anterior", "Posterior"))
    assert matching.by is MatchBy.LABEL
    assert [(s.name, s.prediction.label) for s in matching.structures] == [("Anterior", 1), ("Posterior", 2)]


def test_label_values_can_be_asked_for_although_names_agree() -> None:
    matching = match_segments(segments("a", "b"), segments("b", "a"), MatchBy.LABEL)
    assert pairs(matching) == [("a", "b"), ("b", "a")]


@pytest.mark.parametrize("by", [MatchBy.NAME, MatchBy.LABEL])
def test_what_occurs_twice_matches_nothing(by: MatchBy) -> None:
    twice = (SegmentFacts("x", "Liver", 1), SegmentFacts("y", "liver", 1))
    matching = match_segments(twice, segments("Liver"), by)
    assert matching.structures == ()
    assert matching.ambiguous == (("liver",) if by is MatchBy.NAME else ("1",))
    assert ("more than once: liver" in matching_sentence(matching)) is (by is MatchBy.NAME)


def test_what_was_looked_for_and_not_found_is_missed() -> None:
    matching = match_segments(segments("Liver"), segments("Liver", "Spleen", "Colon"), missed=["spleen"])
    assert pairs(matching) == [("Liver", "Liver"), (None, "Spleen")]
    assert matching.only_reference == ("Colon",)
    assert matching_sentence(matching) == "Matched by name: 1. Counted as missed: Spleen. Only in the reference: Colon."


def test_an_empty_segmentation_that_looked_for_everything_missed_everything() -> None:
    matching = match_segments((), segments("Liver", first=4), missed=["Liver"])
    assert pairs(matching) == [(None, "Liver")]


def test_everything_that_is_lacking_can_count_as_missed() -> None:
    matching = match_segments(segments("Liver"), segments("Liver", "Spleen"), all_missed=True)
    assert pairs(matching) == [("Liver", "Liver"), (None, "Spleen")]


def test_names_of_one_table_differ_although_the_references_do_not() -> None:
    reference = (SegmentFacts("x", "node", 1), SegmentFacts("y", "node", 2))
    matching = match_segments(segments("a", "b"), reference, MatchBy.LABEL)
    assert [structure.name for structure in matching.structures] == ["node", "node (2)"]


def test_two_without_anything_in_common_are_told_what_to_do() -> None:
    sentence = matching_sentence(match_segments(segments("a"), segments("b", first=7)))
    assert sentence.startswith("The two have no structure in common.")
