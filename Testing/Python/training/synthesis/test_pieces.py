"""The pieces of the generator, each against SciPy, NumPy or numbers by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from kdseg_training.synthesis.contrast import draw_contrast
from kdseg_training.synthesis.degradation import acquired_voxels, bias_field, change_gamma, lower_resolution
from kdseg_training.synthesis.draws import Draws
from kdseg_training.synthesis.field_of_view import draw_box, nonzero_box, normalise
from kdseg_training.synthesis.placement import IDENTITY, draw_placement, place, warp
from kdseg_training.synthesis.settings import (
    ContrastSettings,
    DegradationSettings,
    FieldOfViewSettings,
    SpatialSettings,
    StrippingSettings,
)
from kdseg_training.synthesis.smoothing import REACH, blur, enlarge, smooth_field
from kdseg_training.synthesis.stripping import draw_mask

CPU = torch.device("cpu")


def draws(seed: int = 0) -> Draws:
    return Draws(seed, CPU)


# --- smoothing ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.3])
def test_the_blur_is_a_gaussian_filter(sigma: float) -> None:
    volume = torch.randn(11, 13, 12, generator=torch.Generator().manual_seed(1))
    expected = volume.numpy()
    for axis in (0, 2):
        radius = max(1, math.ceil(REACH * sigma))
        expected = ndimage.gaussian_filter1d(expected, sigma, axis=axis, mode="nearest", radius=radius)
    np.testing.assert_allclose(blur(volume, (sigma, 0.0, sigma)).numpy(), expected, atol=1e-5)


def test_enlarging_keeps_corners_and_is_linear_between() -> None:
    fine = enlarge(torch.arange(3.0)[None, None, :].expand(2, 2, 3), (2, 2, 5))
    assert fine[0, 0].tolist() == [0.0, 0.5, 1.0, 1.5, 2.0]


def test_a_smooth_field_of_equal_control_points_is_constant() -> None:
    assert torch.allclose(smooth_field(torch.full((2, 3, 4, 3), 0.7), (9, 10, 11)), torch.tensor(0.7))


# --- placement ----------------------------------------------------------------------------------------------------------------


def padded(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.pad(values, 1))


def put(world, shift, voxels: torch.Tensor, shape, *, spacing=(1.0, 1.0, 1.0), map_spacing=(1.0, 1.0, 1.0)) -> np.ndarray:
    centre = [(n - 1) / 2 for n in voxels.shape]
    placement = place(
        world, shift, None, mirrored=False, shape=shape, spacing_mm=spacing, map_spacing_mm=map_spacing, map_centre=centre
    )
    return warp(voxels, placement, shape).numpy()


VALUES = np.random.default_rng(3).integers(1, 9, (6, 8, 8), dtype=np.uint8)


def test_the_identity_gives_the_label_map_and_background_around_it() -> None:
    assert np.array_equal(put(IDENTITY, (0, 0, 0), padded(VALUES), (6, 8, 8)), VALUES)
    larger = put(IDENTITY, (0, 0, 0), padded(VALUES), (10, 12, 12))
    assert np.array_equal(larger, np.pad(VALUES, 2))


def test_a_shift_is_in_millimetres_of_the_sample() -> None:
    moved = put(IDENTITY, (2.0, 0.0, -2.0), padded(VALUES), (6, 8, 8), spacing=(2.0, 2.0, 2.0), map_spacing=(2.0, 2.0, 2.0))
    assert np.array_equal(moved[1:, :, :-1], VALUES[:-1, :, 1:])
    assert not moved[0].any()
    assert not moved[:, :, -1].any()


def test_a_quarter_turn_is_numpys() -> None:
    quarter = [[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]
    found = put(quarter, (0, 0, 0), padded(VALUES), (6, 8, 8))
    assert np.array_equal(found, np.rot90(VALUES, k=-1, axes=(1, 2)))  # the map is read at y = -x, x = y


def test_another_spacing_takes_every_second_voxel() -> None:
    values = np.repeat(np.repeat(np.repeat(VALUES, 2, 0), 2, 1), 2, 2)
    found = put(IDENTITY, (0, 0, 0), padded(values), (6, 8, 8), spacing=(2.0, 2.0, 2.0))
    assert np.array_equal(found, VALUES)


def test_a_placement_stays_within_its_ranges_and_mirrors_the_axis_from_left_to_right() -> None:
    settings = SpatialSettings(
        rotation_deg=0, scaling=0.1, shearing=0, translation_mm=(0, 0, 0), displacement_mm=(0, 0), flip=1
    )
    common = {"shape": (9, 9, 9), "spacing_mm": (2.0,) * 3, "map_spacing_mm": (1.0,) * 3, "map_centre": (20.0, 20.0, 20.0)}
    for seed in range(20):
        placement = draw_placement(settings, draws(seed), **common)
        diagonal = [placement.matrix[i][i] for i in range(3)]
        assert placement.mirrored
        assert placement.displacement is None
        assert all(2 / 1.1 <= value <= 2 / 0.9 for value in diagonal[:2])
        assert -2 / 0.9 <= diagonal[2] <= -2 / 1.1
        assert [sum(placement.matrix[i]) * 4 + placement.offset[i] for i in range(3)] == pytest.approx([20.0] * 3)


# --- contrast -----------------------------------------------------------------------------------------------------------------


def contrasts(anatomy, number: int = 40, *, stripped: bool = False, **weights):
    settings = ContrastSettings(**{"t1": 0, "inverted": 0, "related": 0, "free": 0, **weights})
    names = [tissue.name for tissue in anatomy.tissues]
    for seed in range(number):
        contrast = draw_contrast(anatomy.tissues, settings, draws(seed), stripped=stripped)
        yield contrast, dict(zip(names, contrast.means, strict=True))


def test_t1_has_white_over_grey_over_fluid_and_the_inverse_has_not(anatomy) -> None:
    for _, means in contrasts(anatomy, t1=1):
        assert means["white"] > means["grey"] > means["fluid"] > 0
        assert means["bone"] <= 0.1
    for _, means in contrasts(anatomy, inverted=1):
        assert means["white"] < means["grey"] < means["fluid"]
        assert means["bone"] <= 0.1  # gives no signal in any contrast


def test_free_contrasts_have_every_order(anatomy) -> None:
    brighter = [means["white"] > means["grey"] for _, means in contrasts(anatomy, free=1)]
    assert 8 < sum(brighter) < 32


def test_a_stripped_image_has_no_background_at_all(anatomy) -> None:
    assert all(contrast.background_is_zero for contrast, _ in contrasts(anatomy, t1=1, stripped=True))
    assert not all(contrast.background_is_zero for contrast, _ in contrasts(anatomy, t1=1))


# --- stripping ----------------------------------------------------------------------------------------------------------------


def test_the_mask_of_a_flat_brain_ends_at_the_margin() -> None:
    brain = torch.zeros(60, 24, 24, dtype=torch.bool)
    brain[:30] = True  # ends at 30 mm
    mask = draw_mask(brain, (1.0, 1.0, 1.0), StrippingSettings(margin_mm=(5, 5), roughness_mm=(0, 0)), draws())
    ends = mask.sum(0)
    assert (ends - 35).abs().max() <= 1
    tight = draw_mask(brain, (1.0, 1.0, 1.0), StrippingSettings(margin_mm=(0, 0), roughness_mm=(0, 0)), draws())
    assert (tight.sum(0) - 30).abs().max() <= 1


def test_a_rough_mask_is_not_flat() -> None:
    brain = torch.zeros(60, 48, 48, dtype=torch.bool)
    brain[:30] = True
    mask = draw_mask(brain, (1.0, 1.0, 1.0), StrippingSettings(margin_mm=(5, 5), roughness_mm=(2, 2)), draws(2))
    assert mask.sum(0).float().std() > 0.4


# --- degradation --------------------------------------------------------------------------------------------------------------


def test_the_resolution_of_the_grid_changes_nothing() -> None:
    image = torch.rand(6, 7, 8)
    assert lower_resolution(image, (1.0, 1.0, 1.0), (1.0, 1.0, 1.0), draws()) is image


def test_thick_slices_remove_detail_along_their_axis_only() -> None:
    settings = DegradationSettings(thick_slices=1, slice_mm=(6, 6))
    axes = set()
    for seed in range(12):
        voxels = acquired_voxels((1.0, 1.0, 1.0), settings, draws(seed))
        assert sorted(voxels) == [1.0, 1.0, 6.0]
        axes.add(voxels.index(6.0))
    assert axes == {0, 1, 2}
    stripes = torch.tensor([0.0, 1.0]).repeat(12)
    along = stripes[:, None, None].expand(24, 24, 24).contiguous()
    assert lower_resolution(along, (1.0,) * 3, (6.0, 1.0, 1.0), draws(1)).diff(dim=0).abs().mean() < 0.1  # it was 1
    across = along.permute(2, 1, 0).contiguous()
    assert lower_resolution(across, (1.0,) * 3, (6.0, 1.0, 1.0), draws(1)).diff(dim=2).abs().mean() > 0.9


def test_the_bias_field_is_a_positive_smooth_factor() -> None:
    field = bias_field((20, 22, 24), DegradationSettings(bias=(0.4, 0.4)), draws())
    assert field.min() > 0
    assert field.std() > 0.05
    assert (field.log().diff(dim=0)).abs().max() < 0.4
    assert torch.equal(bias_field((4, 4, 4), DegradationSettings(bias=(0, 0)), draws()), torch.ones(4, 4, 4))


def test_gamma_keeps_order_and_the_ends() -> None:
    changed = change_gamma(torch.tensor([0.0, 0.5, 2.0])[None, None], 2.0)
    assert changed.flatten().tolist() == [0.0, 0.0625, 1.0]


# --- field of view ------------------------------------------------------------------------------------------------------------


def test_cropping_and_normalisation_are_nnunets() -> None:
    from nnunetv2.preprocessing.cropping.cropping import crop_to_nonzero
    from nnunetv2.preprocessing.normalization.default_normalization_schemes import ZScoreNormalization

    image = np.zeros((9, 10, 11), dtype=np.float32)
    image[2:7, 3:9, 1:8] = np.random.default_rng(0).random((5, 6, 7)).astype(np.float32) + 0.5
    image[4, 5, 5] = 0
    cropped, _, box = crop_to_nonzero(image[None])
    scheme = ZScoreNormalization(use_mask_for_norm=False, intensityproperties={})
    expected = scheme.run(cropped[0].copy(), None)
    tensor = torch.from_numpy(image)
    found_box = nonzero_box(tensor, (slice(0, 9), slice(0, 10), slice(0, 11)))
    assert [[s.start, s.stop] for s in found_box] == [list(map(int, limits)) for limits in box]
    normalised = normalise(tensor, found_box)
    np.testing.assert_allclose(normalised[found_box].numpy(), expected, rtol=5e-3, atol=5e-3)  # sample against population
    outside = torch.ones(image.shape, dtype=torch.bool)
    outside[found_box] = False
    assert not normalised[outside].any()


def test_an_empty_part_is_left_as_it_is() -> None:
    box = (slice(0, 2), slice(0, 2), slice(0, 2))
    assert nonzero_box(torch.zeros(4, 4, 4), box) == box
    assert torch.equal(normalise(torch.zeros(4, 4, 4), box), torch.zeros(4, 4, 4))


def test_boxes_are_cut_in_their_share_and_never_too_deep() -> None:
    settings = FieldOfViewSettings(share=0.5, side=1, depth=0.25)
    boxes = [draw_box((20, 40, 60), settings, draws(seed)) for seed in range(60)]
    whole = [box == (slice(0, 20), slice(0, 40), slice(0, 60)) for box in boxes]
    assert 15 < sum(whole) < 45
    for box in boxes:
        assert all(s.start <= n / 4 and s.stop >= 3 * n / 4 for s, n in zip(box, (20, 40, 60), strict=True))


# --- random numbers -----------------------------------------------------------------------------------------------------------


def test_choices_follow_their_weights_and_never_take_one_without() -> None:
    source = draws()
    counts = np.bincount([source.choice((1.0, 0.0, 3.0)) for _ in range(400)], minlength=3)
    assert counts[1] == 0
    assert 60 < counts[0] < 140
