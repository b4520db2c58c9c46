"""The Gaussian weights."""

import numpy as np

from kdseg.inference.gaussian import gaussian_weights


def test_the_peak_is_ten_at_the_centre_and_no_weight_is_zero():
    weights = gaussian_weights((16, 24, 32))
    assert weights.dtype == np.float16
    assert weights[8, 12, 16] == 10 == weights.max()
    assert weights.min() > 0


def test_the_values_follow_the_gaussian():
    weights = gaussian_weights((32, 32)).astype(float)
    # sigma is 32 / 8 = 4 voxels: two voxels away the weight is 10·exp(−2²/(2·4²)), to half precision
    assert weights[16, 18] == np.float16(10 * np.exp(-4 / 32))


def test_corners_of_a_large_patch_take_the_smallest_weight():
    weights = gaussian_weights((128, 128, 128))
    assert weights[0, 0, 0] == weights.min() == np.float16(6e-8)
