"""Take the volumes of the demo out of the package that carries the MNI152 T1 template.

Usage: ``python demo_volume.py NILEARN_WHEEL OUTPUT_FOLDER``

The student for the brain gets the whole template. The students for the hippocampus were trained on crops around one
(Medical Segmentation Decathlon, Task04) and have never seen a whole head, so they get what they know: a box of 35×50×35 mm
around each. Nothing is resampled, and the header says where each voxel lies.

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

BRAIN, HIPPOCAMPUS = "brain", "hippocampus"
"""Folders for the volumes of each student."""

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
    """Write ``brain/mni152_brain.nii.gz``, the boxes ``hippocampus/{left,right}_hippocampus.nii.gz``, and say what they are."""
    wheel, folder = Path(sys.argv[1]), Path(sys.argv[2])
    template = read_template(wheel)
    print(f"Volume: the MNI152 T1 template (average of 152 people, 1 mm, skull removed) from {wheel.name}.")
    volumes = {folder / BRAIN / "mni152_brain.nii.gz": template}
    for side in CORNER_RAS_MM:
        volumes[folder / HIPPOCAMPUS / f"{side}_hippocampus.nii.gz"] = cut_out(template, side)
    for path, volume in volumes.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            SimpleITK.WriteImage(volume, str(temporary))
        print(f"{path.name}: {'×'.join(map(str, volume.GetSize()))} mm")
    print("The boxes are what the student for the hippocampus was trained on; it does not know the rest of the head.")


if __name__ == "__main__":
    main()
