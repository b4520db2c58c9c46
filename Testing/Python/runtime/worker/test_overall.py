"""The share of the whole run never falls, and the time left is counted, not invented."""

from __future__ import annotations

import pytest

from kdseg.progress import Stage
from kdseg.worker.overall import SHARES, Overall


def test_the_shares_fill_the_bar() -> None:
    assert sum(SHARES.values()) == pytest.approx(1.0)


def test_a_run_by_hand() -> None:
    overall = Overall()
    assert overall.update(Stage.READ, 0.0, 100.0) == (0.0, None)
    assert overall.update(Stage.READ, 1.0, 102.0) == (pytest.approx(0.04), None)
    assert overall.update(Stage.PREPROCESS, 0.5, 103.0) == (pytest.approx(0.08), None)
    assert overall.update(Stage.NETWORK, 0.0, 110.0) == (pytest.approx(0.12), None)
    # a quarter in 10 s: 30 s of network left, and writing is thought to take the 2 s of reading
    assert overall.update(Stage.NETWORK, 0.25, 120.0) == (pytest.approx(0.12 + 0.84 / 4), pytest.approx(32.0))
    assert overall.update(Stage.NETWORK, 1.0, 150.0) == (pytest.approx(0.96), pytest.approx(2.0))
    assert overall.update(Stage.WRITE, 0.0, 150.0) == (pytest.approx(0.96), pytest.approx(2.0))
    assert overall.update(Stage.WRITE, 1.0, 151.0) == (pytest.approx(1.0), 0.0)


def test_opening_the_network_does_not_count_as_computing() -> None:
    overall = Overall()
    overall.update(Stage.NETWORK, 0.0, 0.0)
    overall.update(Stage.NETWORK, 0.0, 50.0)  # the first pass begins
    assert overall.update(Stage.NETWORK, 0.5, 60.0)[1] == pytest.approx(10.0)


def test_the_share_never_falls_and_stays_below_one() -> None:
    overall = Overall()
    overall.update(Stage.NETWORK, 0.9, 0.0)
    assert overall.update(Stage.NETWORK, 0.1, 1.0)[0] == pytest.approx(0.12 + 0.84 * 0.9)
    assert overall.update(Stage.WRITE, 7.0, 2.0)[0] == 1.0


def test_a_stage_inside_another_changes_nothing() -> None:
    overall = Overall()
    share, _ = overall.update(Stage.NETWORK, 0.5, 0.0)
    assert overall.update(Stage.LABELS, 0.9, 1.0) == (share, None)
