"""What is kept of a teacher's probabilities, and what comes back."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from kdseg_training.distillation.soft_labels.decoding import decode_box
from kdseg_training.distillation.soft_labels.encoding import LEVELS, SparseProbabilities, encode
from kdseg_training.distillation.soft_labels.fidelity import measure

WHOLE = (slice(None),) * 3
FLOOR = 1e-3
STEP = -math.log(FLOOR) / LEVELS


def volume(*voxels: tuple[float, ...]) -> np.ndarray:
    """Logits (C, 1, 1, n) of n voxels."""
    return np.array(voxels, np.float32).T[:, None, None]


def some_logits(channels: int = 4, shape: tuple[int, ...] = (5, 6, 7), seed: int = 0, spread: float = 5.0) -> np.ndarray:
    return (spread * np.random.default_rng(seed).standard_normal((channels, *shape))).astype(np.float16)


def test_a_doubt_is_stored_in_the_middle_of_its_step() -> None:
    """−ln odds of channel 1 is 2, of channel 2 it is 20: below the floor of ln 1000 = 6.9."""
    sparse = encode(volume((3.0, 1.0, -17.0)), regions=False, floor=FLOOR)
    assert sparse.top.ravel().tolist() == [0]
    assert (sparse.counts.tolist(), sparse.channels.tolist()) == ([1], [1])
    assert sparse.doubts.tolist() == [int(2 / (6.907755 / 256))] == [74]
    odds = np.array([1.0, math.exp(-74.5 * 6.907755 / 256), math.exp(-20)])
    assert decode_box(sparse, WHOLE).ravel() == pytest.approx(odds / odds.sum(), rel=1e-5)


def test_of_a_sure_voxel_only_the_winner_is_kept() -> None:
    sparse = encode(volume((0.0, 9.0, 0.0), (8.0, 0.0, 0.0)), regions=False, floor=FLOOR)
    assert sparse.top.ravel().tolist() == [1, 0]
    assert len(sparse.positions) == len(sparse.doubts) == 0
    fill = np.zeros((3, 3))
    fill[1, [0, 2]], fill[0, [1, 2]] = math.exp(-9), math.exp(-8)
    assert sparse.fill == pytest.approx(fill, rel=1e-4)


def test_what_is_below_the_floor_becomes_the_square_of_the_mean_root() -> None:
    """At temperature 2 the odds are √odds, and their mean is right."""
    sparse = encode(volume((16.0, 0.0), (8.0, 0.0)), regions=False, floor=FLOOR)
    assert sparse.fill[0, 1] == pytest.approx(((math.exp(-8) + math.exp(-4)) / 2) ** 2, rel=1e-5)


def test_regions_answer_for_themselves() -> None:
    sparse = encode(volume((2.0, -20.0), (-1.0, 12.0)), regions=True, floor=FLOOR)
    assert sparse.top[:, 0, 0].tolist() == [[1, 0], [0, 1]]
    assert sparse.channels.tolist() == [0, 0]
    found = decode_box(sparse, WHOLE)[:, 0, 0]
    for value, z in ((found[0, 0], 2.0), (found[0, 1], -1.0)):
        assert math.log(value / (1 - value)) == pytest.approx(z, abs=STEP / 2 + 1e-5)
    assert found[1] == pytest.approx([1 / (1 + math.exp(20)), 1 / (1 + math.exp(-12))], rel=1e-4)


@pytest.mark.parametrize("regions", [False, True])
def test_log_odds_are_right_to_half_a_step_wherever_they_are_stored(regions: bool) -> None:
    logits = some_logits()
    z = logits.astype(np.float64)
    sparse = encode(logits, regions=regions, floor=FLOOR)
    values = decode_box(sparse, WHOLE).astype(np.float64)
    if regions:
        wanted, found = np.abs(z), np.abs(np.log(values / (1 - values)))
        assert np.array_equal(values > 0.5, z > 0)
    else:
        wanted, found = z.max(axis=0) - z, np.log(values.max(axis=0) / values)
        assert np.array_equal(values.argmax(axis=0), z.argmax(axis=0))
        assert values.sum(axis=0) == pytest.approx(np.ones(z.shape[1:]))
    stored = wanted <= -math.log(FLOOR)
    assert 0.2 < stored.mean() < 0.9
    assert np.abs(found - wanted)[stored].max() <= STEP / 2 + 1e-4
    uncertain = stored.any(axis=0) if regions else stored.sum(axis=0) > 1
    assert sparse.positions.tolist() == np.flatnonzero(uncertain).tolist()


@pytest.mark.parametrize("regions", [False, True])
def test_a_box_is_the_slice_of_the_whole(regions: bool) -> None:
    sparse = encode(some_logits(), regions=regions, floor=FLOOR)
    whole = decode_box(sparse, WHOLE)
    rng = np.random.default_rng(1)
    for _ in range(30):
        ends = [sorted(rng.integers(0, size + 1, 2)) for size in sparse.shape]
        box = tuple(slice(int(a), int(b)) for a, b in ends)
        assert np.array_equal(decode_box(sparse, box), whole[(slice(None), *box)])


def test_many_channels_need_no_larger_doubts() -> None:
    logits = some_logits(channels=300, shape=(1, 2, 3), spread=2.0)
    sparse = encode(logits, regions=False, floor=FLOOR)
    assert (sparse.channels.dtype, sparse.doubts.dtype) == (np.uint16, np.uint8)
    assert int(sparse.channels.max()) > 255
    assert decode_box(sparse, WHOLE).argmax(axis=0).tolist() == logits.argmax(axis=0).tolist()


def test_planes_are_encoded_in_slabs_to_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = encode(some_logits(), regions=False, floor=FLOOR)
    monkeypatch.setattr("kdseg_training.distillation.soft_labels.encoding.SLAB_ELEMENTS", 2 * 4 * 42)
    slabbed = encode(some_logits(), regions=False, floor=FLOOR)
    for name in ("top", "uncertain", "counts", "channels", "doubts"):
        assert np.array_equal(getattr(whole, name), getattr(slabbed, name)), name
    assert slabbed.fill == pytest.approx(whole.fill, rel=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        encode(volume((0.0, 1.0), (value, 0.0)), regions=False, floor=FLOOR)


@pytest.mark.parametrize(
    "changes",
    [
        {"floor": 1.5},
        {"counts": np.zeros(1, np.uint16)},
        {"doubts": np.zeros(2, np.uint8)},
        {"uncertain": np.zeros(3, np.uint8)},
        {"top": np.full((1, 5, 6, 7), 9, np.uint8)},
        {"top": np.zeros((5, 6, 7), np.uint8)},
        {"fill": np.zeros((4, 5), np.float32)},
    ],
)
def test_parts_that_do_not_fit_are_refused(changes: dict[str, object]) -> None:
    sparse = encode(some_logits(), regions=False, floor=FLOOR)
    parts = {name: getattr(sparse, name) for name in SparseProbabilities.__dataclass_fields__}
    with pytest.raises(ValueError, match="fit together"):
        SparseProbabilities(**{**parts, **changes})


@pytest.mark.parametrize("regions", [False, True])
def test_the_error_is_measured_as_torch_would(regions: bool) -> None:
    logits = some_logits()
    sparse = encode(logits, regions=regions, floor=1e-2)
    found = measure(logits, sparse)
    ours, z = torch.from_numpy(decode_box(sparse, WHOLE)).double(), torch.from_numpy(logits).double()
    for temperature in (1, 2):
        if regions:
            theirs = torch.distributions.Bernoulli(logits=z / temperature)
            mine = torch.distributions.Bernoulli(logits=torch.logit(ours) / temperature)
            wanted = torch.distributions.kl_divergence(theirs, mine).sum(dim=0).mean()
        else:
            theirs = torch.distributions.Categorical(logits=z.movedim(0, -1) / temperature)
            mine = torch.distributions.Categorical(logits=ours.log().movedim(0, -1) / temperature)
            wanted = torch.distributions.kl_divergence(theirs, mine).mean()
        assert found.as_dict()[f"divergence_{temperature}"] == pytest.approx(float(wanted), rel=1e-3)
        assert float(wanted) > 1e-4
    probabilities = torch.sigmoid(z) if regions else torch.softmax(z, dim=0)
    assert found.largest_error == pytest.approx(float((ours - probabilities).abs().max()), rel=1e-4)
    assert (found.voxels, found.uncertain, found.dense_bytes) == (210, len(sparse.positions), 4 * 4 * 210)
    assert found.changed == 0
