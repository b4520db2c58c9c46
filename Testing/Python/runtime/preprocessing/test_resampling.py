"""Image resampling equals scikit-image's resize and SciPy's map_coordinates, the functions nnU-Net calls."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.transform import resize

from kdseg.plans.model import Resampling
from kdseg.preprocessing.resampling import nearest_indices, resample_image, resampled_shape, separate_axis

CUBIC = Resampling(order=3, order_z=0, force_separate_z=None)
LINEAR = Resampling(order=1, order_z=0, force_separate_z=None)


def image(shape, seed=0):
    rng = np.random.default_rng(seed)
    return (ndimage.gaussian_filter(rng.standard_normal(shape), 1) * 300).astype(np.float32)


def assert_same_but_for_last_bits(found, expected, share=1e-3):
    """Float64 sums in another order round to another float32 in few voxels, and then by one step."""
    np.testing.assert_allclose(found, expected, rtol=2.0**-22, atol=1e-5)
    assert (found != expected).mean() < share


@pytest.mark.parametrize("resampling", [CUBIC, LINEAR], ids=["cubic", "linear"])
@pytest.mark.parametrize(
    ("shape", "new_shape"),
    [((20, 30, 25), (31, 24, 40)), ((20, 30, 25), (20, 18, 51)), ((9, 40, 40), (27, 20, 20)), ((33, 17, 21), (16, 9, 10))],
)
def test_isotropic_grids_give_the_values_of_skimage(shape, new_shape, resampling):
    channel = image(shape)
    expected = resize(channel.astype(float), new_shape, resampling.order, mode="edge", anti_aliasing=False).astype(np.float32)
    found = resample_image(channel, new_shape, (1, 1, 1), (1, 1, 1), resampling)
    assert_same_but_for_last_bits(found, expected, share=1e-3 if resampling is CUBIC else 2e-2)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_coarse_axis_takes_the_nearest_slice_of_resized_slices(axis):
    shape, new_shape = [24, 26, 28], [30, 22, 35]
    shape[axis], new_shape[axis] = 7, 12
    spacing = [1.0, 1.0, 1.0]
    spacing[axis] = 5.0
    channel = image(shape)
    in_plane = list(new_shape)
    in_plane[axis] = shape[axis]
    slices = np.zeros(in_plane)
    for i in range(shape[axis]):
        at = tuple(i if a == axis else slice(None) for a in range(3))
        plane_shape = [n for a, n in enumerate(new_shape) if a != axis]
        slices[at] = resize(channel[at].astype(float), plane_shape, 3, mode="edge", anti_aliasing=False)
    scale = [o / n for o, n in zip(in_plane, new_shape)]
    coordinates = np.array([s * (g + 0.5) - 0.5 for s, g in zip(scale, np.indices(new_shape))])
    expected = ndimage.map_coordinates(slices, coordinates, order=0, mode="nearest").astype(np.float32)
    found = resample_image(channel, new_shape, spacing, [1.0, 1.0, 1.0], CUBIC)
    assert_same_but_for_last_bits(found, expected)


def test_an_unchanged_shape_is_returned_as_it_is():
    channel = image((5, 6, 7))
    assert resample_image(channel, (5, 6, 7), (1, 1, 1), (1, 1, 1), CUBIC) is channel


def test_shapes_round_half_to_even():
    assert resampled_shape((5, 7, 10), (0.5, 0.5, 1.0), (1.0, 1.0, 1.0)) == (2, 4, 10)


@pytest.mark.parametrize(
    ("force", "old", "new", "expected"),
    [
        (None, (5, 1, 1), (1, 1, 1), 0),
        (None, (1, 1, 1), (1, 4, 1), 1),
        (None, (3, 1, 1), (1, 1, 1), None),
        (None, (4, 4, 1), (1, 1, 1), None),
        (True, (2, 1, 1), (1, 1, 1), 0),
        (True, (1, 1, 1), (1, 1, 1), None),
        (False, (9, 1, 1), (1, 1, 1), None),
    ],
)
def test_the_axis_resampled_on_its_own(force, old, new, expected):
    assert separate_axis(Resampling(3, 0, force), old, new) == expected


def test_nearest_indices_by_hand():
    # 3 slices to 5: positions 0.6·(k + ½) − ½ = −0.2, 0.4, 1.0, 1.6, 2.2
    assert nearest_indices(3, 5).tolist() == [0, 0, 1, 2, 2]
