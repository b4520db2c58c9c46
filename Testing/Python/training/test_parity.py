"""The labels are those of stock nnU-Net, over every axis of what is supported.

Trained networks: not one voxel may differ. Random weights are the worst case, because their classes are everywhere close to
each other: at least 99.99 % of the voxels agree.
"""

from __future__ import annotations

from dataclasses import replace
from typing import List

import pytest

from kdseg.inference import feature_window
from kdseg_testing.parity import CASES, ParityCase, ParityResult, run_case, table

LEAST_AGREEMENT_RANDOM = 0.9999

_results: List[ParityResult] = []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_trained_network_gives_stock_labels_in_every_voxel(case: ParityCase, tmp_path):
    result = run_case(case, tmp_path, trained=True)
    _results.append(result)
    assert len(result.labels_found) > 2, "the comparison is worth little if the network finds nothing"
    assert result.differing == 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_random_weights_give_stock_labels_almost_everywhere(case: ParityCase, tmp_path):
    result = run_case(case, tmp_path, trained=False)
    _results.append(result)
    assert result.agreement >= LEAST_AGREEMENT_RANDOM


@pytest.mark.parametrize("trained", [True, False])
def test_features_kept_rather_than_sums_give_the_same(trained: bool, tmp_path, monkeypatch):
    monkeypatch.setattr(feature_window, "window_bytes", lambda *_: 0)
    (case,) = (c for c in CASES if c.name == "many classes, mirrored")
    result = run_case(replace(case, name=f"{case.name}, features kept"), tmp_path, trained=trained)
    _results.append(result)
    assert result.differing == 0 if trained else result.agreement >= LEAST_AGREEMENT_RANDOM


def test_the_table(capsys):
    assert len({r.case.name for r in _results}) >= 16
    with capsys.disabled():
        print("\n\nLabel maps against stock nnU-Net\n" + table(_results))
