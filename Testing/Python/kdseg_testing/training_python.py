"""The Python with torch and nnU-Net, for tests that run in another one and start trainings as the panel does."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

VARIABLE = "KDSEG_TRAINING_PYTHON"
"""Names the interpreter; by default that of the environment that ``run.py`` makes."""

REPOSITORY = Path(__file__).resolve().parents[3]

PREPARE = """
import json, sys
from pathlib import Path
from kdseg_training.torchvision_stub import declare_torchvision_operators
declare_torchvision_operators()
from kdseg_testing.model_folder import write_model_folder
from kdseg_testing.tiny_dataset import DATASET, write_tiny_dataset
root = Path(sys.argv[1])
model = {"features": (8, 16, 16), "patch_size": (8, 8, 8), "spacing_mm": (1.0, 1.0, 1.0)}
data = write_tiny_dataset(root, cases=4, shape=(14, 16, 12), **model)
teacher = write_model_folder(root / "results" / DATASET / "nnUNetTrainer__nnUNetPlans__3d_fullres", seed=5, **model)
print(json.dumps({"teacher": str(teacher), "dataset": str(data.preprocessed)}))
"""


def training_python() -> str:
    """Return the interpreter; a test that needs it fails where there is none."""
    scripts = REPOSITORY / ".venv-training" / ("Scripts" if os.name == "nt" else "bin")
    python = os.environ.get(VARIABLE) or str(scripts / "python")
    if not (Path(python).is_file() or Path(f"{python}.exe").is_file()):
        raise AssertionError(
            f"{python} is not there. This test trains a student: run `python3 run.py test`, which makes the environment, or set"
            f" {VARIABLE} to the Python of an environment with `pip install '.[training]'`."
        )
    return python


def prepare_training(folder: Path) -> tuple[Path, Path]:
    """Write a tiny preprocessed data set and an untrained teacher for it; return the teacher's and the data set's folder."""
    packages = (REPOSITORY / "KDSegmentator", REPOSITORY / "KDSegmentatorTraining", REPOSITORY / "Testing" / "Python")
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, packages)), "PYTHONWARNINGS": "ignore"}
    variables.update({f"nnUNet_{name}": str(folder / name) for name in ("raw", "preprocessed", "results")})
    done = subprocess.run(
        [training_python(), "-c", PREPARE, str(folder)], env=variables, capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    told = json.loads(done.stdout.splitlines()[-1])
    return Path(told["teacher"]), Path(told["dataset"])
