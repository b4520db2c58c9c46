"""What the tests of the metrics share: DeepMind's surface-distance, and pairs of masks of many kinds."""

from __future__ import annotations

import io
import types
import zipfile
from functools import lru_cache
from typing import Callable

import numpy as np
import pytest
from scipy import ndimage

from kdseg_testing.shipped import HIPPOCAMPUS

SPACINGS_MM = ((1.0, 1.0, 1.0), (3.0, 0.8, 0.8), (0.7, 0.7, 5.0), (1.5, 2.0, 0.4), (0.33, 1.7, 2.9))


@pytest.fixture(scope="session")
def surface_distance():
    """DeepMind's package, release 0.1, its code untouched; only names that NumPy 2 and SciPy 2 removed are given back to it."""
    from surface_distance import metrics

    metrics.np = types.SimpleNamespace(**{**vars(np), "Inf": np.inf, "NaN": np.nan})
    metrics.ndimage = types.SimpleNamespace(filters=ndimage, morphology=ndimage)
    return metrics


def _smooth(rng: np.random.Generator, shape: tuple[int, ...], share: float, sigma: float) -> np.ndarray:
    field = ndimage.gaussian_filter(rng.normal(size=shape), sigma, mode="wrap")
    return field > np.quantile(field, 1.0 - share)


def _shape(rng: np.random.Generator, low: int = 4, high: int = 15) -> tuple[int, ...]:
    return tuple(rng.integers(low, high, 3))


def _shifted_blobs(rng):
    reference = np.pad(_smooth(rng, _shape(rng, 5, 14), 0.3, 1.5), 3)
    return np.roll(reference, rng.integers(-2, 3, 3), axis=(0, 1, 2)), reference


def _unrelated_blobs(rng):
    shape = _shape(rng)
    return _smooth(rng, shape, 0.2, 1.0), _smooth(rng, shape, 0.2, 1.0)


def _noise(rng):
    shape = _shape(rng)
    return rng.random(shape) < 0.3, rng.random(shape) < 0.05


def _thin_sheets(rng):
    shape = _shape(rng, 6)
    pair = np.zeros((2, *shape), bool)
    axis = int(rng.integers(3))
    for mask in pair:
        np.moveaxis(mask, axis, 0)[rng.integers(shape[axis])] = True
    return pair[0], pair[1]


def _tubes(rng):
    shape = _shape(rng, 6)
    pair = np.zeros((2, *shape), bool)
    for mask in pair:
        mask[:, rng.integers(shape[1]), rng.integers(shape[2])] = True
        mask[rng.integers(shape[0]), rng.integers(shape[1]), :] = True
    return pair[0], pair[1]


def _single_voxels(rng):
    shape = _shape(rng, 1, 70)
    pair = np.zeros((2, *shape), bool)
    for mask in pair:
        mask[tuple(rng.integers(shape))] = True
    return pair[0], pair[1]


def _touching_the_border(rng):
    shape = _shape(rng, 1, 9)
    return rng.random(shape) < 0.95, np.ones(shape, bool)


def _far_apart(rng):
    shape = (int(rng.integers(50, 90)), 9, int(rng.integers(50, 90)))
    pair = np.zeros((2, *shape), bool)
    pair[0, :4, :, :5] = _smooth(rng, (4, 9, 5), 0.5, 1.0)
    pair[1, -5:, :, -4:] = _smooth(rng, (5, 9, 4), 0.5, 1.0)
    return pair[0], pair[1]


def _islands(rng):
    reference = np.pad(_smooth(rng, (8, 8, 8), 0.4, 1.5), ((2, 40), (2, 4), (2, 50)))
    prediction = reference.copy()
    prediction[-3:, -2:, -5:] = True
    return prediction, reference


def _one_slice(rng):
    shape = (1, *_shape(rng)[1:])
    return _smooth(rng, shape, 0.4, 1.0), _smooth(rng, shape, 0.4, 1.0)


def _identical(rng):
    mask = _smooth(rng, _shape(rng), 0.3, 1.0)
    return mask, mask.copy()


def _rough_and_large(rng):
    shape = _shape(rng, 20, 28)
    return _smooth(rng, shape, 0.5, 1.5), _smooth(rng, shape, 0.2, 1.0)


@lru_cache(maxsize=1)
def _hippocampus() -> np.ndarray:
    """Labels of a part of a real hippocampus: the self-test of the student that ships."""
    with zipfile.ZipFile(HIPPOCAMPUS.path) as archive:
        return np.load(io.BytesIO(archive.read("selftest.npz")), allow_pickle=False)["labels"][0]


def _real(rng):
    reference = _hippocampus() == rng.integers(1, 3)
    prediction = np.roll(reference, rng.integers(-2, 3, 3), axis=(0, 1, 2))
    change = (ndimage.binary_dilation, ndimage.binary_erosion)[rng.integers(2)]
    return change(prediction) ^ (rng.random(prediction.shape) < 0.002), reference


KINDS: dict[str, Callable] = {
    function.__name__[1:]: function
    for function in (
        _shifted_blobs,
        _unrelated_blobs,
        _noise,
        _thin_sheets,
        _tubes,
        _single_voxels,
        _touching_the_border,
        _far_apart,
        _islands,
        _one_slice,
        _identical,
        _rough_and_large,
        _real,
    )
}


def _pairs(kind: str, n: int):
    """Yield n seeded pairs (prediction, reference, spacing_mm) of one kind, neither mask empty."""
    rng = np.random.default_rng(sorted(KINDS).index(kind))
    for number in range(n):
        prediction, reference = KINDS[kind](rng)
        assert prediction.any() and reference.any()
        yield prediction, reference, SPACINGS_MM[number % len(SPACINGS_MM)]


@pytest.fixture(params=sorted(KINDS))
def random_pairs(request):
    """A function that makes n pairs of one kind."""
    return lambda n: _pairs(request.param, n)


@pytest.fixture
def pairs_of_every_kind():
    """A function that makes n pairs of each kind, the name of the kind in front."""
    return lambda n: ((kind, *pair) for kind in sorted(KINDS) for pair in _pairs(kind, n))


@pytest.fixture(params=["numpy", "numba"])
def engine(request) -> str:
    """Name of the engine."""
    return request.param
