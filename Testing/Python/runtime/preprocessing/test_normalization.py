"""Normalisation, against values derived by hand."""

import numpy as np
import pytest

from kdseg.errors import IntensityError
from kdseg.plans.model import ChannelNormalization, IntensityProperties, NormalizationScheme
from kdseg.preprocessing.normalization import normalize


def run(values, scheme, *, mask=None, intensities=None):
    image = np.asarray(values, dtype=np.float32).reshape(1, 1, -1)
    inside = None if mask is None else np.asarray(mask, dtype=bool).reshape(image.shape)
    normalize(image, ChannelNormalization(scheme, mask is not None, intensities), inside, "case")
    return image.ravel().tolist()


def test_z_score_subtracts_the_mean_and_divides_by_the_standard_deviation():
    assert run([1, 3, 5, 7], NormalizationScheme.Z_SCORE) == pytest.approx([-1.3416408, -0.4472136, 0.4472136, 1.3416408])


def test_z_score_with_mask_leaves_the_outside_alone():
    found = run([0, 2, 4, 0], NormalizationScheme.Z_SCORE, mask=[0, 1, 1, 0])
    assert found == pytest.approx([0, -1, 1, 0])


def test_ct_clips_to_percentiles_of_the_training_set():
    properties = IntensityProperties(mean=50.0, std=100.0, percentile_00_5=-150.0, percentile_99_5=250.0)
    assert run([-1000, 50, 3000], NormalizationScheme.CT, intensities=properties) == pytest.approx([-2, 0, 2])


def test_rescale_maps_to_0_and_1():
    assert run([10, 20, 30], NormalizationScheme.RESCALE_TO_01) == pytest.approx([0, 0.5, 1])


def test_rgb_divides_by_255():
    assert run([0, 51, 255], NormalizationScheme.RGB_TO_01) == pytest.approx([0, 0.2, 1])


@pytest.mark.parametrize("values", [[-1, 10], [0, 256]])
def test_rgb_outside_8_bit_is_refused(values):
    with pytest.raises(IntensityError, match="0 to 255"):
        run(values, NormalizationScheme.RGB_TO_01)


def test_no_normalisation_changes_nothing():
    assert run([5, -7], NormalizationScheme.NONE) == [5, -7]
