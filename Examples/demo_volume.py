"""Cut the two volumes of the demo out of the MNI152 T1 template.

Usage: ``python demo_volume.py NILEARN_WHEEL OUTPUT_FOLDER``

The student of the demo was trained on crops around one hippocampus (Medical Segmentation Decathlon, Task04). It has never
seen a whole head, so it gets what it knows: a box of 35×50×35 mm around each hippocampus. Nothing is resampled, and the header
says where each voxel lies.

The template is not one patient: it is the average of 152 T1 scans in MNI space (ICBM 2009a, symmetric), at 1 mm, with the
skull removed. It is symmetric, so both sides must have nearly the same volumes. The package ``nilearn`` carries it; it is taken
out of the wheel as a file, nothing is installed.
"""

from __future__ import annotations

import sys
import tempfile
import zipfile
from pathlib import Path

import SimpleITK

from kdseg.atomic import atomic_path

MEMBER = "nilearn/datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"

BOX_SIZE = (35, 50, 35)
"""Voxels (= mm) along x, y, z: the median size of the training crops."""

CORNER_RAS_MM = {"left": (-42.0, -47.0, -29.0), "right": (8.0, -47.0, -29.0)}
"""Centre of the box's first voxel: left, posterior, inferior.

Found by sliding the mean of the training crops over the template: the hippocampus lies in the box as it does in training.
"""


def read_template(wheel: Path) -> SimpleITK.Image:
    """Read the T1 template out of the wheel.

    Parameters
    ----------
    wheel
        The downloaded, not installed, wheel of ``nilearn``.

    Returns
    -------
    The whole template: 197×233×189 voxels of 1 mm, axes right, anterior, superior.

    Raises
    ------
    SystemExit
        If the wheel does not hold the template this demo was made for.
    """
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        if MEMBER not in archive.namelist():
            raise SystemExit(f"{wheel.name} does not hold {MEMBER}. Delete the wheel and try another version of nilearn.")
        path = Path(folder) / "template.nii.gz"
        path.write_bytes(archive.read(MEMBER))
        template = SimpleITK.ReadImage(str(path))
    if template.GetSize() != (197, 233, 189) or template.GetSpacing() != (1.0, 1.0, 1.0):
        raise SystemExit(f"The template in {wheel.name} has another grid than the one this demo was made for.")
    return template


def cut_out(template: SimpleITK.Image, side: str) -> SimpleITK.Image:
    """Return the box around the hippocampus of one side.

    Parameters
    ----------
    template
        1 mm voxels; its index axes run along right, anterior and superior.
    side
        ``"left"`` or ``"right"``.

    Returns
    -------
    :data:`BOX_SIZE` voxels: axes as in the template.
    """
    right_mm, anterior_mm, superior_mm = CORNER_RAS_MM[side]
    x, y, z = template.TransformPhysicalPointToIndex((-right_mm, -anterior_mm, superior_mm))
    width, depth, height = BOX_SIZE
    box: SimpleITK.Image = template[x : x + width, y : y + depth, z : z + height]
    return box


def main() -> None:
    """Write ``left_hippocampus.nii.gz`` and ``right_hippocampus.nii.gz`` and say what they are."""
    wheel, folder = Path(sys.argv[1]), Path(sys.argv[2])
    template = read_template(wheel)
    print(f"Volume: the MNI152 T1 template (average of 152 people, 1 mm, skull removed) from {wheel.name}.")
    for side in CORNER_RAS_MM:
        path = folder / f"{side}_hippocampus.nii.gz"
        with atomic_path(path) as temporary:
            SimpleITK.WriteImage(cut_out(template, side), str(temporary))
        print(f"Cut out: {'×'.join(map(str, BOX_SIZE))} mm around the {side} hippocampus → {path.name}")
    print("Why: the student was trained on such crops and does not know the rest of the head.")


if __name__ == "__main__":
    main()
