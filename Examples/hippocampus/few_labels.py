"""Make the data of a site that got a teacher, but has labelled only six of its own scans.

    python Examples/hippocampus/few_labels.py NNUNET_PREPROCESSED/Dataset004_Hippocampus FOLDER

The site's scans are the 32 validation cases of split.json, which the teacher has not been trained on: six with labels, four for
inner validation, 22 without labels. The preprocessed cases are copied to FOLDER/Dataset004_Hippocampus; few_labels.split.json
beside this script says which are for training and validation, and all others there are without labels. The test cases stay
the same.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Dict, List

HERE = Path(__file__).resolve().parent
LABELLED, VALIDATION = slice(0, 30, 5), slice(3, 32, 8)
"""Of the sorted names of the validation cases."""


def parts(split: Dict[str, List[str]]) -> Dict[str, List[str]]:
    """Return the site's cases by what they are for."""
    names = sorted(split["validation"])
    train, validation = names[LABELLED], names[VALIDATION]
    unlabelled = [name for name in names if name not in {*train, *validation}]
    return {"train": train, "validation": validation, "test": split["test"], "unlabelled": unlabelled}


def copy(preprocessed: Path, target: Path) -> None:
    """Copy plans, and the site's cases."""
    site = parts(json.loads((HERE / "split.json").read_text(encoding="utf-8")))
    if target.exists():
        raise SystemExit(f"{target} exists already")
    target.mkdir(parents=True)
    for path in sorted(preprocessed.glob("*.json")):
        if path.name != "splits_final.json":
            shutil.copy(path, target)
    for folder in [path for path in sorted(preprocessed.iterdir()) if path.is_dir()]:
        (target / folder.name).mkdir()
        for name in [*site["train"], *site["validation"], *site["unlabelled"]]:
            paths = [*folder.glob(f"{name}.*"), *folder.glob(f"{name}_seg.*")]
            if not paths:
                raise SystemExit(f"{folder} has no case {name}: preprocess the whole data set first, then delete {target}")
            for path in paths:
                shutil.copy(path, target / folder.name)
    print(f"{target}: {', '.join(f'{len(site[part])} {part}' for part in ('train', 'validation', 'unlabelled'))}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    copy(Path(sys.argv[1]), Path(sys.argv[2]) / Path(sys.argv[1]).resolve().name)
