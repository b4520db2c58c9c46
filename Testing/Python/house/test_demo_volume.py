"""The demo's boxes: cut from the right place, and still lying where they lay."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK


@pytest.fixture(scope="module")
def demo_volume(load_script):
    return load_script("Examples/demo_volume.py")


@pytest.fixture(scope="module")
def template() -> SimpleITK.Image:
    """A grid like the template's, axes right, anterior, superior; every voxel holds its own number."""
    x, y, z = 197, 233, 189
    image = SimpleITK.GetImageFromArray(np.arange(z * y * x, dtype=np.int32).reshape(z, y, x))
    image.SetDirection((-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0))
    image.SetOrigin((98.0, 134.0, -72.0))
    return image


def physical_x(image: SimpleITK.Image, index_x: int) -> float:
    """Return the position towards the patient's left of a voxel of the first row, in mm."""
    return image.TransformIndexToPhysicalPoint((index_x, 0, 0))[0]


@pytest.mark.parametrize("side", ["left", "right"])
def test_every_voxel_stays_where_it_was(demo_volume, template: SimpleITK.Image, side: str) -> None:
    box = demo_volume.cut_out(template, side)
    assert box.GetSize() == (35, 50, 35)
    assert box.GetSpacing() == (1.0, 1.0, 1.0)
    for index in [(0, 0, 0), (34, 0, 0), (0, 49, 0), (0, 0, 34), (34, 49, 34), (17, 25, 3)]:
        there = template.TransformPhysicalPointToIndex(box.TransformIndexToPhysicalPoint(index))
        assert box[index] == template[there]


def test_the_boxes_mirror_each_other(demo_volume, template: SimpleITK.Image) -> None:
    left, right = (demo_volume.cut_out(template, side) for side in ("left", "right"))
    assert (physical_x(left, 0), physical_x(left, 34)) == (42.0, 8.0)
    assert (physical_x(right, 0), physical_x(right, 34)) == (-8.0, -42.0)


@pytest.mark.parametrize(("side", "towards_left_mm"), [("left", 26.0), ("right", -26.0)])
def test_the_hippocampus_lies_in_the_middle_of_the_box(
    demo_volume, template: SimpleITK.Image, side: str, towards_left_mm: float
) -> None:
    box = demo_volume.cut_out(template, side)
    centre = box.TransformPhysicalPointToIndex((towards_left_mm, 22.0, -14.0))
    assert np.abs(np.array(centre) - np.array(box.GetSize()) / 2).max() <= 3


def test_a_wheel_without_the_template_is_refused(demo_volume, tmp_path: Path) -> None:
    wheel = tmp_path / "nilearn-0.0.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("nilearn/__init__.py", "")
    with pytest.raises(SystemExit, match="does not hold"):
        demo_volume.read_template(wheel)


def test_another_grid_is_refused(demo_volume, tmp_path: Path) -> None:
    volume, wheel = tmp_path / "small.nii.gz", tmp_path / "nilearn-0.0.0-py3-none-any.whl"
    SimpleITK.WriteImage(SimpleITK.Image(9, 9, 9, SimpleITK.sitkUInt8), str(volume))
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(volume, demo_volume.MEMBER)
    with pytest.raises(SystemExit, match="another grid"):
        demo_volume.read_template(wheel)


def test_brain_and_boxes_are_written(demo_volume, template: SimpleITK.Image, tmp_path: Path, monkeypatch, capsys) -> None:
    volume, wheel = tmp_path / "template.nii.gz", tmp_path / "nilearn-0.0.0-py3-none-any.whl"
    SimpleITK.WriteImage(template, str(volume))
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(volume, demo_volume.MEMBER)
    monkeypatch.setattr("sys.argv", ["demo_volume.py", str(wheel), str(tmp_path / "input")])
    demo_volume.main()
    written = {path.relative_to(tmp_path / "input").as_posix() for path in (tmp_path / "input").rglob("*.nii.gz")}
    assert written == {"brain/mni152_brain.nii.gz", *(f"hippocampus/{side}_hippocampus.nii.gz" for side in ("left", "right"))}
    brain = SimpleITK.ReadImage(str(tmp_path / "input" / "brain" / "mni152_brain.nii.gz"))
    assert np.array_equal(SimpleITK.GetArrayFromImage(brain), SimpleITK.GetArrayFromImage(template))
    assert "mni152_brain.nii.gz: 197×233×189 mm" in capsys.readouterr().out
