"""Make ``Testing/Python/runtime/bundle/data/tiny-1.0.0.kdseg.zip``, with which the runtime is tested where there is no torch.

Run it with the companion's environment: ``PYTHONPATH=KDSegmentator:KDSegmentatorTraining:Testing/Python python <this file>``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from kdseg_testing.metadata import student_metadata
from kdseg_testing.model_folder import write_model_folder
from kdseg_training.export import export_student

TARGET = Path(__file__).resolve().parents[2] / "runtime" / "bundle" / "data"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        model = write_model_folder(Path(folder) / "model", features=(4, 8), patch_size=(8, 8, 8), mirroring_axes=(0, 1, 2))
        print(export_student(model, TARGET, metadata=student_metadata(name="tiny"), overwrite=True).path)


if __name__ == "__main__":
    main()
