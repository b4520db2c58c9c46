"""Runs stock nnU-Net on one volume again and again, as ``nnUNetv2_predict`` does on the CPU."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from kdseg.errors import TeacherError
from kdseg.job import NNUNET_TILE_STEP_SIZE
from kdseg.progress import Stage
from kdseg_training.profiling.json_data import to_data
from kdseg_training.profiling.stage_watch import StageWatch
from kdseg_training.profiling.volumes import read_volume_list, typical_volume
from kdseg_training.profiling.worker_loop import Tell

if TYPE_CHECKING:
    from kdseg_training.stock_nnunet.hooks import Hooks

_ENDING = ".nii.gz"


@dataclass(frozen=True)
class StockSettings:
    """Model folder and weights, the JSON file that lists the image files, the label map to write, and how to compute.

    ``workers`` is the number of processes for preprocessing and as many for export; 0 does all in this process. ``sha256`` is
    that of the checkpoint as it was described, empty for a process that describes; with it ``fold`` is always given.
    """

    model_folder: str
    fold: Optional[str]
    checkpoint: str
    mirroring: bool
    tile_step_size: Optional[float]
    workers: int
    threads: int
    volume_list: str
    output: str
    sha256: str = ""


def check_unchanged(settings: StockSettings) -> None:
    """Make sure that nnU-Net unpickles no other checkpoint than the one that was read as data before.

    Raises
    ------
    TeacherError
        If it is another one.
    """
    from kdseg.report import fingerprint

    path = Path(settings.model_folder) / f"fold_{settings.fold}" / settings.checkpoint
    found = fingerprint(path).sha256
    if found != settings.sha256:
        raise TeacherError(
            "The checkpoint was changed after it was checked.", expected=f"SHA-256 {settings.sha256}", found=found, path=path
        )


class StockRunner:
    """A :class:`~kdseg_training.profiling.worker_loop.Subject`; made after the environment's threads were set."""

    def __init__(self, settings: StockSettings) -> None:
        import torch

        from kdseg_training.torchvision_stub import declare_torchvision_operators

        declare_torchvision_operators()
        torch.set_num_threads(settings.threads)
        import nnunetv2.inference.predict_from_raw_data  # noqa: F401 – imported before the first run

        from kdseg_training.stock_nnunet.hooks import Hooks

        self._settings = settings
        self._hooks: Hooks = Hooks()
        if settings.sha256:
            check_unchanged(settings)

    @property
    def tile_step_size(self) -> float:
        """Step between patches as a share of their size."""
        asked = self._settings.tile_step_size
        return NNUNET_TILE_STEP_SIZE if asked is None else asked

    def describe(self) -> Dict[str, Any]:
        """Check the model folder and return what it says.

        It is not done in a process that is measured: it needs more memory than a prediction.
        """
        from kdseg_training.stock_nnunet.model import open_stock_model

        settings = self._settings
        model, mirroring = open_stock_model(settings.model_folder, settings.fold, settings.checkpoint), settings.mirroring
        dice = model.validation_dice
        how = "mirrored" if mirroring and model.mirroring_axes else "not mirrored"
        source = f"nnU-Net's own validation of fold {model.fold}"
        return {
            "name": f"{model.folder.name} fold {model.fold}, nnU-Net, {how}",
            "sha256": model.sha256,
            "capacity": "",
            "size_bytes": model.size_bytes,
            "parameters": model.parameters,
            "patch_size": list(model.plan.patch_size),
            "flops_per_pass": model.flops_per_pass,
            "mirroring_axes": list(model.mirroring_axes or ()) if mirroring else [],
            "sides_exchanged": False,
            "tile_step_size": self.tile_step_size,
            "quality": None if dice is None else {"dice": dice, "source": source},
            "channels": len(model.plan.channel_names),
            "typical_volume": to_data(typical_volume(model.plans)),
            "versions": {name: importlib.metadata.version(name) for name in ("torch", "nnunetv2")},
            "notes": [],
            "settings": {"fold": model.fold, "sha256": model.sha256},
        }

    def run(self, watch: StageWatch, tell: Tell) -> None:
        """Load the model, read, predict and write."""
        import torch

        paths = read_volume_list(self._settings.volume_list)
        self._hooks.begin(watch, tell)
        watch.enter("load")
        predictor = self._open()
        watch.leave()
        self._predict(predictor, paths)
        watch.finish()
        watch.facts.update(
            patches=self._hooks.patches,
            passes=2 ** len((predictor.allowed_mirroring_axes or ()) if self._settings.mirroring else ()),
            engine="torch",
            engine_details=f"torch {torch.__version__}, nnU-Net {importlib.metadata.version('nnunetv2')}",
        )

    def _open(self) -> Any:
        import torch
        from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

        settings = self._settings
        predictor: Any = nnUNetPredictor(
            tile_step_size=self.tile_step_size,
            use_mirroring=settings.mirroring,
            perform_everything_on_device=False,
            device=torch.device("cpu"),
            allow_tqdm=False,
        )
        named = str(settings.fold)
        fold: Any = int(named) if named.isdigit() else named
        predictor.initialize_from_trained_model_folder(settings.model_folder, (fold,), settings.checkpoint)
        return predictor

    def _predict(self, predictor: Any, paths: List[str]) -> None:
        from nnunetv2.inference import predict_from_raw_data

        hooks, settings = self._hooks, self._settings
        hooks.count_patches(predictor)
        workers = settings.workers > 0
        hooks.hook(type(predictor), "predict_logits_from_preprocessed_data", Stage.NETWORK, leave=workers)
        output = str(Path(settings.output))[: -len(_ENDING)]
        if workers:
            predictor.predict_from_files(
                [paths],
                [output],
                num_processes_preprocessing=settings.workers,
                num_processes_segmentation_export=settings.workers,
            )
            return
        reader = predictor.plans_manager.image_reader_writer_class
        hooks.hook(reader, "read_images", Stage.READ)
        hooks.hook(predictor.configuration_manager.preprocessor_class, "run_case_npy", Stage.PREPROCESS)
        hooks.hook(predict_from_raw_data, "export_prediction_from_logits", Stage.LABELS)
        hooks.hook(reader, "write_seg", Stage.WRITE)
        predictor.predict_from_files_sequential([paths], [output])
