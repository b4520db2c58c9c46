"""Schedules at points worked out by hand."""

from __future__ import annotations

import pytest

from kdseg_training.distillation.losses.schedules import schedule_factor


@pytest.mark.parametrize(
    ("kind", "share", "expected"),
    [
        ("constant", 1.0, (1, 1, 1, 1, 1)),
        ("linear_warmup", 0.5, (0, 0.5, 1, 1, 1)),
        ("linear_warmup", 1.0, (0, 0.25, 0.5, 0.75, 1)),
        ("cosine_warmup", 0.75, (0, 0.25, 0.75, 1, 1)),
        ("linear_decay", 0.5, (1, 1, 1, 0.5, 0)),
        ("cosine_decay", 1.0, (1, 0.8535534, 0.5, 0.1464466, 0)),
    ],
)
def test_by_hand(kind, share, expected):
    found = [schedule_factor(kind, progress, share) for progress in (0, 0.25, 0.5, 0.75, 1)]
    assert found == pytest.approx(expected, abs=1e-7)


def test_published_warm_up_of_recokd():
    """Linear over 60 % of 1,000 epochs."""
    assert [schedule_factor("linear_warmup", e / 1000, 0.6) for e in (0, 300, 600, 999)] == pytest.approx([0, 0.5, 1, 1])


@pytest.mark.parametrize(("progress", "share", "name"), [(-0.1, 1, "progress"), (1.1, 1, "progress"), (0.5, 0, "share")])
def test_out_of_range(progress, share, name):
    with pytest.raises(ValueError, match=name):
        schedule_factor("linear_warmup", progress, share)
