"""Train a whole-brain student from label maps alone: coarse to fine, teacher, students, bundles.

    python Examples/brain/train.py cpu --label-maps LABEL_MAPS --work WORK

LABEL_MAPS is the folder of SynthSeg's 20 training label maps. Everything goes to WORK/RECIPE; what is done is not done again,
and what was interrupted goes on, so the same command continues after anything. Recipes: gpu, cpu and tiny (a test).
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Set

import yaml

HERE = Path(__file__).resolve().parent

RUNS: Dict[str, Dict[str, float]] = {
    "gpu": {"coarse": 0.1, "teacher": 0.4, "family": 0.5},
    "cpu": {
        "coarse": 0.3,
        "middle": 2,
        "fine": 3.2,
        "teacher": 4,
        "refine": 10,
        "again": 4,
        "finish": 6,
        "beginnings": 2,
        "family": 16,
    },
    "tiny": {"coarse": 1, "teacher": 1, "family": 1},
}
"""The runs of each recipe in their order, with seconds per step for the estimate: on an H200 (not measured yet), on two cores
with AVX-512 BF16, on any.

Of the CPU recipe, coarse, middle and fine are from before the losses were computed in blocks; they take less by now.
"""

PREPARATION_SECONDS = 60
"""About what planning and preprocessing take for one size of voxels."""


def training_steps(path: Path) -> int:
    """Return the optimiser steps of a run's file."""
    budget = yaml.safe_load(path.read_text(encoding="utf-8"))["budget"]
    return int(budget["epochs"] * budget["iterations"])


def estimate(folder: Path, recipe: str) -> str:
    """Say how long everything takes, roughly."""
    total = float(PREPARATION_SECONDS) * len(synthesis_files(folder))
    lines = [f"preparation: about {total / 60:.0f} min"]
    for run, seconds in RUNS[recipe].items():
        steps = training_steps(folder / f"{run}.yaml")
        total += steps * seconds
        lines.append(f"{run}: {steps} steps of about {seconds:g} s, {steps * seconds / 60:.0f} min")
    return "\n".join([*lines, f"together: about {total / 3600:.1f} h on the recipe's machine"])


def set_up(recipe: str, work: Path) -> Path:
    """Copy the recipe's files to WORK/RECIPE, unless they are there: a run keeps the files that it began with."""
    folder = work / recipe
    folder.mkdir(parents=True, exist_ok=True)
    sources = {work / "anatomy.yaml": HERE / "anatomy.yaml"}
    sources.update({folder / path.name: path for path in sorted((HERE / recipe).glob("*.yaml"))})
    for target, source in sources.items():
        if not target.exists():
            shutil.copy(source, target)
        elif target.read_bytes() != source.read_bytes():
            print(f"{target} differs from {source}; the run goes on with its own.")
    return folder


def synthesis_files(folder: Path) -> List[Path]:
    """Return the files that prepare label maps, one for each size of voxels."""
    return sorted(folder.glob("*synthesis.yaml"))


def model_folders(folder: Path, run: str) -> Dict[str, Path]:
    """Return the model folder of each student of a run, by name."""
    values: Dict[str, Any] = yaml.safe_load((folder / f"{run}.yaml").read_text(encoding="utf-8"))
    found = {}
    for student in values["students"]:
        factor = student.get("factor", 1)
        plans = values["plans"] if factor == 1 else f"{values['plans']}_x{factor:g}"
        found[student["name"]] = folder / values["results"] / values["dataset"] / f"{student['name']}__{plans}__3d_fullres"
    return found


def require_beginnings(folder: Path, recipe: str) -> None:
    """Stop if a run begins with weights that no earlier run makes: WORK was begun with another version of the recipe."""
    made: Set[Path] = set()
    for run in RUNS[recipe]:
        for student in yaml.safe_load((folder / f"{run}.yaml").read_text(encoding="utf-8"))["students"]:
            weights = student.get("pretrained_weights")
            if weights is not None and folder / weights not in made and not (folder / weights).is_file():
                sys.exit(
                    f"{folder / run}.yaml: {student['name']} begins with {weights}, which no run makes. Give another --work."
                )
        made |= {path / "fold_0" / "checkpoint_final.pth" for path in model_folders(folder, run).values()}


def is_trained(model_folder: Path) -> bool:
    """Tell whether a student's training is over."""
    return (model_folder / "fold_0" / "checkpoint_final.pth").is_file()


def command(*arguments: object) -> None:
    """Run ``kdseg-training``; an error ends this program with its code."""
    words = [sys.executable, "-m", "kdseg_training.cli", *map(str, arguments)]
    print("$ kdseg-training", *arguments, flush=True)
    code = subprocess.run(words, check=False).returncode  # noqa: S603 (this program's own arguments)
    if code:
        sys.exit(code)


def train(folder: Path, run: str, device: Optional[str]) -> None:
    """Train a run's students, from where it stands."""
    if all(is_trained(path) for path in model_folders(folder, run).values()):
        print(f"{run}: trained already.")
        return
    command("distill", folder / f"{run}.yaml", "--resume", *(["--device", device] if device else []))


def export(folder: Path) -> None:
    """Make a bundle of every student."""
    bundles = folder / "bundles"
    labels, metadata = HERE / "labels.csv", HERE / "metadata.json"
    version = json.loads(metadata.read_text(encoding="utf-8"))["version"]
    runs = [run for run in ("teacher", "refine", "again", "finish", "family") if (folder / f"{run}.yaml").is_file()]
    folders = [pair for run in runs for pair in model_folders(folder, run).items()]
    for name, model_folder in folders:
        title = f"brain-{name.replace('_', '-')}"
        if not (bundles / f"{title}-{version}.kdseg.zip").is_file():
            command(
                "export",
                *(model_folder, "-o", bundles, "--labels", labels, "--metadata", metadata, "--name", title),
                *("--exchange-sides", "--keep-largest-part"),
            )


def main(arguments: Optional[List[str]] = None) -> None:
    """Run all stages."""
    parser = argparse.ArgumentParser(description="Train a whole-brain student from label maps alone.")
    parser.add_argument("recipe", choices=sorted(RUNS))
    parser.add_argument("--label-maps", type=Path, required=True, help="folder of SynthSeg's training label maps")
    parser.add_argument("--work", type=Path, required=True, help="where everything goes")
    parser.add_argument("--device", help="cpu, cuda or cuda:1; chosen if not given")
    parser.add_argument("--estimate", action="store_true", help="only say how long it will take")
    given = parser.parse_args(arguments)
    folder = set_up(given.recipe, given.work.resolve())
    print(estimate(folder, given.recipe), flush=True)
    if given.estimate:
        return
    require_beginnings(folder, given.recipe)
    began = time.monotonic()
    for path in synthesis_files(folder):
        command("synthesize", path, "--label-maps", given.label_maps.resolve())
    for run in RUNS[given.recipe]:
        train(folder, run, given.device)
    export(folder)
    print(f"Done after {(time.monotonic() - began) / 60:.0f} min: {folder / 'bundles'}")


if __name__ == "__main__":
    main()
