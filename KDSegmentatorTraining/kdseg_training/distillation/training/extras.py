"""What a run has besides labelled cases and a live teacher: soft labels, cases without labels, batches from label maps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import torch

from kdseg_training.distillation.config import DistillationConfig
from kdseg_training.distillation.preprocessed import open_cases
from kdseg_training.distillation.soft_labels.folder import SoftLabelFolder, origin_of
from kdseg_training.distillation.soft_labels.reading import SoftLabels, SoftLabelScheme
from kdseg_training.distillation.teacher import Teacher
from kdseg_training.distillation.training.fold_cases import fold_cases
from kdseg_training.distillation.training.processes import Processes
from kdseg_training.distillation.training.sources import DataSet, label_map_folder
from kdseg_training.distillation.unlabelled.cases import UnlabelledCases, open_unlabelled
from kdseg_training.synthesis.prepared import open_prepared
from kdseg_training.synthesis.stream import SyntheticStream


@dataclass(frozen=True)
class Extras:
    """All may be absent."""

    soft_labels: Optional[SoftLabels] = None
    unlabelled: Optional[UnlabelledCases] = None
    synthesis: Optional[SyntheticStream] = None


NO_EXTRAS, ALONE, CPU = Extras(), Processes(), torch.device("cpu")
"""Most runs have no extras; some callers are the only process."""


@dataclass(frozen=True)
class PreprocessedFold:
    """The labelled cases of a run.

    Attributes
    ----------
    folder
        Where they are preprocessed.
    training, validation
        Their names.
    scheme
        What the channels of the networks are.
    plans
        Of the run.
    """

    folder: Path
    training: List[str]
    validation: List[str]
    scheme: SoftLabelScheme
    plans: Dict[str, Any]


def preprocessed_fold(config: DistillationConfig, data: DataSet) -> PreprocessedFold:
    """Find the labelled cases of a run.

    Raises
    ------
    TrainingDataError
        If they are not preprocessed or there is no such fold.
    """
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    plans = data.plans(config.plans)
    manager = PlansManager(plans)
    labels = manager.get_label_manager(data.description)
    folder = data.folder / manager.get_configuration(config.configuration).data_identifier
    training, validation = fold_cases(data.folder, folder, config.fold)
    scheme = SoftLabelScheme(int(labels.num_segmentation_heads), bool(labels.has_regions))
    return PreprocessedFold(folder, training, validation, scheme, plans)


def open_extras(
    config: DistillationConfig,
    data: DataSet,
    teacher: Optional[Teacher],
    *,
    device: torch.device = CPU,
    processes: Processes = ALONE,
    say: Callable[[str], None] = lambda _: None,
) -> Extras:
    """Find and check what the configuration names; unlabelled images are preprocessed by the first process.

    Parameters
    ----------
    config, data
        The run.
    teacher
        None if no student listens to one: soft labels are then not needed.
    device
        Where the networks are; synthetic samples may be drawn there.
    processes
        Of this run.
    say
        Told of what people should know.

    Raises
    ------
    TrainingDataError, AgreementError, ConfigurationError, OutputError
        If something is missing or does not fit.
    """
    stored = None if teacher is None or config.teacher is None else config.teacher.soft_labels
    synthesis = open_synthesis(config, data, device, say)
    if stored is None and config.unlabelled is None:
        return Extras(synthesis=synthesis)
    fold = preprocessed_fold(config, data)
    folder = soft_label_folder(config, teacher)  # before images are preprocessed, which may take hours
    unlabelled = find_unlabelled(config, data, fold, processes=processes, say=say)
    if folder is None:
        return Extras(None, unlabelled, synthesis)
    soft_labels = SoftLabels(folder, fold.scheme)
    soft_labels.check("labelled", open_cases(fold.folder, fold.training), fold.training)
    if unlabelled is not None and config.unlabelled is not None:
        names = list(unlabelled.names)
        confidence = soft_labels.check("unlabelled", open_cases(unlabelled.folder, names), names)
        if config.unlabelled.minimum_confidence is not None:
            unlabelled = unlabelled.confident(confidence, config.unlabelled.minimum_confidence)
            say(f"Of {len(names)} unlabelled cases the teacher is confident about {len(unlabelled.names)}.")
    say(f"Soft labels: {folder.path}, in place of a teacher that runs on every batch.")
    return Extras(soft_labels, unlabelled)


def soft_label_folder(config: DistillationConfig, teacher: Optional[Teacher]) -> Optional[SoftLabelFolder]:
    """Return the folder of stored soft labels, of this teacher and these settings; None if the run needs none.

    Raises
    ------
    TrainingDataError
        If there are none yet, or they are of another origin.
    """
    if teacher is None or config.teacher is None or config.teacher.soft_labels is None:
        return None
    folder = SoftLabelFolder(config.teacher.soft_labels.folder, origin_of(teacher, config.teacher.soft_labels))
    folder.check()
    return folder


def open_synthesis(
    config: DistillationConfig, data: DataSet, device: torch.device, say: Callable[[str], None]
) -> Optional[SyntheticStream]:
    """Return what labelled batches are drawn from; None if the run reads preprocessed images."""
    settings, folder = config.synthesis, label_map_folder(config, data)
    if settings is None or folder is None:
        return None
    prepared = open_prepared(folder)
    on_device = config.unlabelled is None if settings.on_device is None else settings.on_device
    stream = SyntheticStream(prepared, device if on_device else CPU)
    where = "on the GPU" if stream.on_device else "on the CPU"
    training, validation = len(prepared.training), len(prepared.validation)
    say(f"Batches are drawn {where} from {training} label maps, those for validation from {validation} others.")
    return stream


def find_unlabelled(
    config: DistillationConfig,
    data: DataSet,
    fold: PreprocessedFold,
    *,
    processes: Processes = ALONE,
    say: Callable[[str], None] = lambda _: None,
) -> Optional[UnlabelledCases]:
    """Return the unlabelled cases of a run, before any filter; None if it has none."""
    settings = config.unlabelled
    if settings is None:
        return None
    cases: Tuple[List[str], List[str]] = (fold.training, fold.validation)
    found = None
    for turn in (True, False):  # the first process preprocesses, the others look afterwards
        if processes.is_first == turn:
            found = open_unlabelled(
                config,
                settings,
                plans=fold.plans,
                dataset=data.description,
                labelled=fold.folder,
                fold=cases,
                prepare=processes.is_first,
                say=say,
            )
        processes.any(False)
    return found
