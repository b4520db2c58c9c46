"""Reorientation equals ITK's DICOMOrient, for every order and sign of the axes, and comes back."""

import itertools

import numpy as np
import pytest
import SimpleITK as sitk

from kdseg.geometry import Geometry
from kdseg.preprocessing.orientation import reorientation_to_ras

AXES = list(itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3)))


def direction(permutation, signs, tilt=0.0):
    matrix = np.zeros((3, 3))
    for column, (row, sign) in enumerate(zip(permutation, signs)):
        matrix[row, column] = sign
    turn = sitk.Euler3DTransform()
    turn.SetRotation(tilt, -tilt / 2, tilt / 3)
    return tuple((np.asarray(turn.GetMatrix()).reshape(3, 3) @ matrix).ravel())


@pytest.mark.parametrize("tilt", [0.0, 0.3], ids=["straight", "oblique"])
@pytest.mark.parametrize(("permutation", "signs"), AXES)
def test_all_48_orders_and_signs(permutation, signs, tilt):
    array = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)
    cosines = direction(permutation, signs, tilt)
    image = sitk.GetImageFromArray(array)
    image.SetDirection(cosines)
    expected = sitk.GetArrayFromImage(sitk.DICOMOrient(image, "RAS"))
    reorientation = reorientation_to_ras(Geometry((2, 3, 4), (1.0, 1.0, 1.0), direction=cosines))
    found = reorientation.forward(array)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(reorientation.backward(found), array)
