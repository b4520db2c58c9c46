"""Split Task04_Hippocampus for the students that ship: every fifth case is held out and never seen in training.

    python Examples/hippocampus/prepare.py SOURCE NNUNET_RAW

SOURCE is the data set in nnU-Net's raw layout (imagesTr, labelsTr, dataset.json). The training cases are copied to
NNUNET_RAW/Dataset004_Hippocampus/imagesTr and labelsTr, the held-out ones to imagesTs and labelsTs.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import List

HELD_OUT_FIRST, HELD_OUT_EVERY = 4, 5
"""Cases 4, 9, 14, … of the sorted names are held out."""

READER = "SimpleITKIOWithReorient"
"""nnU-Net's reader that turns every volume to RAS. These volumes are RAS already, so training sees the same arrays; the student
then segments volumes of any orientation, here and under ``nnUNetv2_predict``."""


def case_names(source: Path) -> List[str]:
    """Return the names of all labelled cases, sorted."""
    return sorted(path.name[: -len(".nii.gz")] for path in (source / "labelsTr").glob("*.nii.gz"))


def held_out(names: List[str]) -> List[str]:
    """Return the names that are held out."""
    return names[HELD_OUT_FIRST::HELD_OUT_EVERY]


def split(source: Path, raw: Path) -> None:
    """Copy the data set with its held-out fifth set apart."""
    target = raw / "Dataset004_Hippocampus"
    names = case_names(source)
    test = set(held_out(names))
    for name in names:
        suffix = "Ts" if name in test else "Tr"
        for kind, file in (("images", f"{name}_0000.nii.gz"), ("labels", f"{name}.nii.gz")):
            folder = target / f"{kind}{suffix}"
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / f"{kind}Tr" / file, folder)
    dataset = json.loads((source / "dataset.json").read_text(encoding="utf-8"))
    dataset["numTraining"] = len(names) - len(test)
    dataset["overwrite_image_reader_writer"] = READER
    (target / "dataset.json").write_text(json.dumps(dataset, indent=2), encoding="utf-8")
    print(f"{len(names) - len(test)} cases for training, {len(test)} held out")


if __name__ == "__main__":
    split(Path(sys.argv[1]), Path(sys.argv[2]))
