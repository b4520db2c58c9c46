"""Whole samples, and label maps in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from kdseg.errors import TrainingDataError
from kdseg_training.synthesis.generator import Generator
from kdseg_training.synthesis.label_map import load_label_map, read_label_map, save_label_map
from kdseg_training.synthesis.rendering import RENDERED, render
from kdseg_training.synthesis.settings import Appearance

from .conftest import SHAPE, SPACING_MM, phantom

PATCH = (28, 32, 28)


def appearance(**changes) -> Appearance:
    """The plain look of rendered images with changes laid over its parts."""
    plain = RENDERED.model_dump()
    return Appearance.model_validate({key: {**value, **changes.get(key, {})} for key, value in plain.items()})


def generator(anatomy, look: Appearance, shape=PATCH, spacing: float = SPACING_MM) -> Generator:
    return Generator(anatomy, look, shape=shape, spacing_mm=(spacing,) * 3)


def test_a_sample_is_a_function_of_its_seed(anatomy, head) -> None:
    one, again, other = (generator(anatomy, Appearance()).draw(head, seed) for seed in (5, 5, 6))
    assert torch.equal(one.image, again.image)
    assert torch.equal(one.target, again.target)
    assert not torch.equal(one.image, other.image)
    assert (one.image.shape, one.image.dtype) == ((1, *PATCH), torch.float32)
    assert (one.target.shape, one.target.dtype) == ((1, *PATCH), torch.int16)


def test_the_global_generator_is_neither_used_nor_changed(anatomy, head) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = generator(anatomy, Appearance()).draw(head, 5)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(generator(anatomy, Appearance()).draw(head, 5).image, one.image)


def test_every_sample_is_finite_and_shows_the_head(anatomy, head) -> None:
    drawer = generator(anatomy, Appearance())
    for seed in range(30):
        sample = drawer.draw(head, seed)
        assert torch.isfinite(sample.image).all()
        assert int(sample.target.min()) >= 0
        assert int(sample.target.max()) <= 5
        assert (sample.target > 0).float().mean() > 0.02
        assert abs(float(sample.image.mean())) < 1


def test_left_stays_left_when_a_head_is_mirrored(anatomy, head) -> None:
    for flip in (0, 1):
        target = generator(anatomy, appearance(spatial={"flip": flip})).draw(head, 3).target[0].numpy()
        for left, right in ((1, 2), (3, 4)):
            assert ndimage.center_of_mass(target == left)[2] < PATCH[2] / 2 < ndimage.center_of_mass(target == right)[2]


def test_a_mirrored_head_is_the_mirror_image_with_sides_exchanged(anatomy, head) -> None:
    plain, mirrored = (
        generator(anatomy, appearance(spatial={"flip": flip})).draw(head, 3).target[0].numpy() for flip in (0, 1)
    )
    exchanged = np.array([0, 2, 1, 4, 3, 5])[plain]
    middle = plain.shape[2] % 2  # the phantom is symmetric about the middle of the grid
    assert middle == 0
    assert np.array_equal(mirrored, exchanged[:, :, ::-1])
    assert not np.array_equal(mirrored, plain)


def test_means_of_tissues_are_in_the_image(anatomy, head) -> None:
    sample = generator(anatomy, appearance()).draw(head, 1)
    image, target = sample.image[0], sample.target[0]
    core = torch.from_numpy(ndimage.binary_erosion((target == 1).numpy(), iterations=2))
    shell = (target == 3) | (target == 4)
    assert image[core].mean() > image[shell].mean() > image[target == 5].mean()


def test_stripping_leaves_the_brain_and_labels_nothing_that_is_gone(anatomy, head) -> None:
    drawer = generator(anatomy, appearance(stripping={"share": 1, "margin_mm": (4, 4), "roughness_mm": (0, 0)}))
    sample = drawer.draw(head, 2)
    whole = generator(anatomy, appearance()).draw(head, 2)
    zero = (sample.image[0] == 0) | (sample.image[0] == sample.image.min())  # padded, or 0 before normalisation
    assert not (sample.target[0] > 0)[zero].any()
    brain = (whole.target[0] > 0) & (whole.target[0] < 5)
    assert (sample.target[0] > 0)[brain].float().mean() > 0.95
    skull = torch.from_numpy(ndimage.binary_dilation((whole.target[0] > 0).numpy(), iterations=2)) & (whole.target[0] == 0)
    assert zero[skull].float().mean() > 0.9


def test_what_is_cut_off_has_neither_image_nor_label(anatomy, head) -> None:
    drawer = generator(anatomy, appearance(field_of_view={"share": 1, "side": 1, "depth": 0.4}))
    sample = drawer.draw(head, 4)
    shown = sample.image[0] != 0
    assert not (sample.target[0] > 0)[~shown].any()
    assert shown.float().mean() < 0.8


def test_a_label_map_survives_its_file(anatomy, head, tmp_path: Path) -> None:
    save_label_map(head, tmp_path / "head.npz")
    again = load_label_map(tmp_path / "head.npz", anatomy)
    assert np.array_equal(again.voxels, head.voxels)
    assert (again.name, again.spacing_mm, again.centre) == ("head", head.spacing_mm, head.centre)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no archive", b"text"])
def test_a_damaged_file_is_refused(anatomy, tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "x.npz").write_bytes(damage)
    with pytest.raises(TrainingDataError):
        load_label_map(tmp_path / "x.npz", anatomy)


def test_a_label_of_another_anatomy_is_refused(anatomy, head, tmp_path: Path) -> None:
    voxels = head.voxels.copy()
    voxels[3, 3, 3] = 99
    np.savez(tmp_path / "x.npz", voxels=voxels, spacing_mm=np.ones(3), centre=np.ones(3))
    with pytest.raises(TrainingDataError, match="label number 99"):
        load_label_map(tmp_path / "x.npz", anatomy)


def test_every_orientation_of_a_file_gives_the_same_map(anatomy, label_maps: Path) -> None:
    turned = read_label_map(label_maps / "two.nii.gz", "two", anatomy)
    expected = anatomy.compact(phantom(0.93), Path("two"))
    filled = np.argwhere(expected > 0)
    low, high = filled.min(0), filled.max(0) + 1
    assert np.array_equal(turned.voxels[1:-1, 1:-1, 1:-1], expected[low[0] : high[0], low[1] : high[1], low[2] : high[2]])
    assert not turned.voxels[0].any()


def test_a_rendered_image_lies_on_its_labels(anatomy, head) -> None:
    image, labels = render(anatomy, head, SPACING_MM, seed=0)
    assert image.shape == labels.shape == head.voxels.shape
    assert np.array_equal(labels, np.asarray(anatomy.target)[head.voxels])
    assert (image.dtype, labels.dtype) == (np.int16, np.uint8)
    assert image.min() == 0
    half, _ = render(anatomy, head, 2 * SPACING_MM, seed=0)
    assert half.shape == tuple(-(-n // 2) for n in head.voxels.shape)
    assert half.shape < SHAPE
