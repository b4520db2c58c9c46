"""Models side by side: on common cases, nothing hidden, every claim the one of the metrics core."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from kdseg.errors import InputError
from kdseg_training.evaluation.comparison import compare
from kdseg_training.evaluation.comparison_text import comparison_sentences
from kdseg_training.metrics import Status, holm

from .conftest import DIAGONAL_MM

RESAMPLES = 300


def cells(rng, base, cases=20, classes=2, prefix="case"):
    """Random Dice around ``base`` with an NSD 0.05 above and an HD95 that falls with it; Dice in steps of 0.001."""
    dice = np.round(np.clip(base + 0.02 * rng.standard_normal((cases, classes)), 0, 0.94), 3)
    return {f"{prefix}{i:02d}": [(d, d + 0.05, 10 * (1 - d)) for d in row] for i, row in enumerate(dice)}


def dice_of(rows):
    return np.array([[cell[0] for cell in rows[case]] for case in sorted(rows)])


@pytest.fixture
def family(make_evaluation):
    rng = np.random.default_rng(5)
    models = {name: cells(rng, base) for name, base in (("teacher", 0.90), ("student", 0.89), ("alone", 0.80))}
    return make_evaluation(models), models


def test_means_differences_and_shares_are_those_of_the_numbers(family) -> None:
    evaluation, models = family
    found = compare(evaluation, "teacher", "alone", {"dice": 0.03}, resamples=RESAMPLES)
    dice = {name: dice_of(rows) for name, rows in models.items()}
    mean = {name: matrix.mean() for name, matrix in dice.items()}

    assert found.quality["student", "dice"].macro.estimate == pytest.approx(mean["student"])
    assert found.retained["student", "dice"].estimate == pytest.approx(mean["student"] / mean["teacher"])
    recovered = found.recovered["student", "dice"].recovered
    assert recovered.estimate == pytest.approx((mean["student"] - mean["alone"]) / (mean["teacher"] - mean["alone"]))
    verdict = found.inferiority["student", "dice"]
    assert verdict.difference.estimate == pytest.approx(mean["student"] - mean["teacher"])
    assert verdict.non_inferior
    assert not found.inferiority["alone", "dice"].non_inferior
    assert set(found.inferiority) == {("student", "dice"), ("alone", "dice")}
    assert set(found.recovered) == {("student", metric) for metric in ("dice", "nsd_1mm", "hd95_mm")}
    assert set(found.retained) == {(name, metric) for name in ("student", "alone") for metric in ("dice", "nsd_1mm")}


def test_pairs_follow_the_roles(family) -> None:
    evaluation, _ = family

    def pairs(**roles):
        found = compare(evaluation, resamples=RESAMPLES, **roles).pairs
        return [(pair.baseline, pair.candidate) for pair in found if pair.metric == "dice"]

    assert pairs(teacher="teacher", baseline="alone") == [("teacher", "student"), ("teacher", "alone"), ("alone", "student")]
    assert pairs(teacher="teacher") == [("teacher", "student"), ("teacher", "alone")]
    assert pairs(baseline="alone") == [("alone", "teacher"), ("alone", "student")]
    assert pairs() == [("teacher", "student"), ("teacher", "alone"), ("student", "alone")]


def test_tests_are_wilcoxons_and_holm_covers_all_structures_and_pairs_of_a_metric(family) -> None:
    evaluation, models = family
    found = compare(evaluation, "teacher", "alone", resamples=RESAMPLES)
    dice = {name: dice_of(rows) for name, rows in models.items()}
    pairs = [pair for pair in found.pairs if pair.metric == "dice"]
    single = []
    for pair in pairs:
        a, b = dice[pair.baseline], dice[pair.candidate]
        whole = stats.wilcoxon(b.mean(axis=1), a.mean(axis=1), zero_method="pratt", method="approx", correction=False)
        assert pair.test.p_value == pytest.approx(whole.pvalue, abs=0.02)  # exact against normal
        assert [entry.label for entry in pair.classes] == [1, 2]
        for place, entry in enumerate(pair.classes):
            assert entry.difference.estimate == pytest.approx((b - a)[:, place].mean())
            assert entry.test.rank_biserial == pytest.approx(_rank_biserial(b[:, place] - a[:, place]))
            single.append(entry.test.p_value)
    assert [entry.holm_p for pair in pairs for entry in pair.classes] == pytest.approx(holm(single))
    assert [pair.holm_p for pair in pairs] == pytest.approx(holm([pair.test.p_value for pair in pairs]))
    smallest = min(entry.holm_p for pair in pairs for entry in pair.classes)
    assert smallest == pytest.approx(6 * min(single))  # six hypotheses


def _rank_biserial(differences):
    ranks = stats.rankdata(np.abs(differences)) * (differences != 0)
    return (ranks * np.sign(differences)).sum() / ranks.sum()


def test_only_common_cases_are_compared_and_the_others_named(make_evaluation) -> None:
    rng = np.random.default_rng(1)
    first, second = cells(rng, 0.9), cells(rng, 0.9)
    del first["case03"], second["case07"]
    found = compare(make_evaluation({"a": first, "b": second}), resamples=RESAMPLES)
    assert found.cells.left_out == ("case03", "case07")
    assert len(found.cells.cases) == 18
    kept = dice_of({case: row for case, row in first.items() if case != "case07"})
    assert found.quality["a", "dice"].macro.estimate == pytest.approx(kept.mean())


def test_a_hallucination_loses_against_the_model_that_is_rightly_empty(make_evaluation) -> None:
    rng = np.random.default_rng(2)
    right, wrong = cells(rng, 0.9), cells(rng, 0.9)
    for case in ("case00", "case01", "case02"):
        wrong[case] = [wrong[case][0], Status.HALLUCINATED]
        right[case] = [right[case][0], Status.BOTH_EMPTY]
    wrong["case04"] = right["case04"] = [right["case04"][0], Status.BOTH_EMPTY]
    found = compare(make_evaluation({"right": right, "wrong": wrong}), resamples=RESAMPLES)
    assert found.cells.rightly_empty == 3
    second = {name: [row[1] for _, row in sorted(rows.items())] for name, rows in (("right", right), ("wrong", wrong))}
    values = {"right": [1.0] * 3, "wrong": [0.0] * 3}
    for name, rest in second.items():
        values[name] += [cell[0] for cell in rest if not isinstance(cell, Status)]
        assert found.quality[name, "dice"].classes[1].cases == 19
        assert found.quality[name, "dice"].classes[1].estimate == pytest.approx(np.mean(values[name]))
    distances = [DIAGONAL_MM] * 3 + [cell[2] for cell in second["wrong"] if not isinstance(cell, Status)]
    assert found.quality["wrong", "hd95_mm"].classes[1].estimate == pytest.approx(np.mean(distances))
    assert found.ranks["right", "hd95_mm"].cells == 39


def test_one_hallucination_of_a_rare_structure_weighs_as_much_as_one_case(make_evaluation) -> None:
    rng = np.random.default_rng(9)
    clean = {case: [row[0], Status.BOTH_EMPTY] for case, row in cells(rng, 0.9).items()}
    once = {**clean, "case05": [clean["case05"][0], Status.HALLUCINATED]}
    found = compare(make_evaluation({"clean": clean, "once": once}), resamples=RESAMPLES)
    dice = np.array([row[0][0] for _, row in sorted(clean.items())])
    whole = {name: dice.copy() for name in ("clean", "once")}
    whole["clean"][5], whole["once"][5] = (dice[5] + 1.0) / 2, dice[5] / 2
    for name, values in whole.items():
        assert found.quality[name, "dice"].macro.estimate == pytest.approx(values.mean())
    pair = next(pair for pair in found.pairs if pair.metric == "dice")
    assert pair.difference.estimate == pytest.approx(-0.5 / 20)
    assert (pair.test.pairs, pair.test.differing) == (20, 1)
    assert pair.classes[1].difference.estimate == -1.0


def test_missed_structures_are_the_worst_distances_in_tests_and_the_diagonal_in_means(make_evaluation) -> None:
    rng = np.random.default_rng(3)
    whole = cells(rng, 0.9, classes=1)
    lost = {case: [Status.MISSED] if number < 8 else row for number, (case, row) in enumerate(whole.items())}
    found = compare(make_evaluation({"whole": whole, "lost": lost}, {5: "amygdala"}), resamples=RESAMPLES)
    pair = next(pair for pair in found.pairs if pair.metric == "hd95_mm")
    test = pair.classes[0].test
    assert (test.pairs, test.differing, test.rank_biserial) == (20, 8, 1.0)
    assert test.p_value == pytest.approx(2 / 2**8)
    assert pair.difference.estimate == pytest.approx(
        np.mean([DIAGONAL_MM - row[0][2] for row in list(whole.values())[:8]]) * 0.4
    )
    assert found.quality["lost", "dice"].macro.estimate == pytest.approx(dice_of(whole)[8:].sum() / 20)


def test_a_structure_that_nobody_holds_is_named_and_not_averaged(make_evaluation) -> None:
    rng = np.random.default_rng(4)
    rows = {case: [row[0], Status.BOTH_EMPTY] for case, row in cells(rng, 0.9).items()}
    found = compare(make_evaluation({"a": rows, "b": rows}), resamples=RESAMPLES)
    assert (found.cells.labels, found.cells.absent) == ((1,), (2,))
    assert {pair.test.p_value for pair in found.pairs} == {1.0}


def test_of_few_cases_there_are_means_and_no_claims(make_evaluation) -> None:
    rng = np.random.default_rng(6)
    models = {name: cells(rng, 0.9, cases=5) for name in ("a", "b")}
    found = compare(make_evaluation(models), "a", None, {"dice": 0.5})
    assert not found.has_enough_cases
    assert found.pairs == ()
    assert not (found.inferiority or found.retained or found.recovered)
    macro = found.quality["b", "dice"].macro
    assert macro.estimate == pytest.approx(dice_of(models["b"]).mean())
    assert np.isnan([macro.low, macro.high]).all()


def test_one_model_has_quality_alone(family) -> None:
    evaluation, models = family
    alone = type(evaluation)(evaluation.settings, "reference", evaluation.models[:1])
    found = compare(alone, resamples=RESAMPLES)
    assert (found.pairs, found.ranks) == ((), {})
    interval = found.quality["teacher", "dice"].macro
    assert interval.low < dice_of(models["teacher"]).mean() < interval.high


def test_a_teacher_without_any_overlap_has_nothing_to_retain(make_evaluation) -> None:
    rng = np.random.default_rng(7)
    nothing = {case: [(0.0, 0.0, 20.0)] * 2 for case in cells(rng, 0.9)}
    some = {case: [(0.0, 0.0, 20.0)] * 2 for case in nothing}
    some["case00"] = [(0.5, 0.5, 5.0)] * 2
    found = compare(make_evaluation({"nothing": nothing, "some": some}), "nothing", resamples=RESAMPLES)
    assert found.retained == {}
    turned = compare(make_evaluation({"nothing": nothing, "some": some}), "some", "nothing", resamples=RESAMPLES)
    assert turned.retained["nothing", "dice"].estimate == 0.0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"teacher": "nobody"}, "teacher"),
        ({"baseline": "nobody"}, "baseline"),
        ({"teacher": "alone", "baseline": "alone"}, "both"),
        ({"teacher": "teacher", "margins": {"nsd": 0.1}}, "nsd_1mm"),
        ({"teacher": "teacher", "margins": {"dice": 0.0}}, "above 0"),
        ({"teacher": "teacher", "margins": {"dice": float("nan")}}, "above 0"),
        ({"margins": {"dice": 0.1}}, "teacher"),
    ],
)
def test_what_cannot_be_asked_is_refused(family, arguments, word) -> None:
    with pytest.raises(InputError, match=word):
        compare(family[0], **arguments)


def test_without_common_cases_or_structures_there_is_nothing_to_compare(make_evaluation) -> None:
    rng = np.random.default_rng(8)
    apart = {"a": cells(rng, 0.9, prefix="a"), "b": cells(rng, 0.9, prefix="b")}
    with pytest.raises(InputError, match="every model"):
        compare(make_evaluation(apart))
    empty = {"case": [Status.BOTH_EMPTY] * 2}
    with pytest.raises(InputError, match="anterior, posterior"):
        compare(make_evaluation({"a": empty}))


def test_the_same_seed_says_the_same_and_all_of_it_is_strict_json(family) -> None:
    evaluation, _ = family
    data = [
        compare(evaluation, "teacher", "alone", {"hd95_mm": 1.0}, resamples=RESAMPLES, seed=seed).as_data()
        for seed in (1, 1, 2)
    ]
    assert data[0] == data[1] != data[2]
    again = json.loads(json.dumps(data[0], allow_nan=False))
    assert again["models"]["student"]["hd95_mm"]["non_inferiority"]["margin"] == 1.0
    assert again["pairs"][0]["classes"]["2"]["pairs"] == 20


def test_no_share_of_a_gap_is_told_where_the_teacher_is_behind(make_evaluation) -> None:
    rng = np.random.default_rng(5)
    behind = {name: cells(rng, base) for name, base in (("teacher", 0.80), ("student", 0.81), ("alone", 0.90))}
    lines = comparison_sentences(compare(make_evaluation(behind), "teacher", "alone", resamples=RESAMPLES))
    told = [line for line in lines if "recovers" in line]
    assert [line.rpartition(": ")[2] for line in told] == ["undefined, as the teacher is not ahead"] * 2
