"""nnU-Net's own loader, data set class and augmentation, made for a seeded stream."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Collection, Dict, Mapping, Optional, Sequence, Tuple, Union

from kdseg.errors import TrainingDataError
from kdseg_training.distillation.training.batches import Kind, SampleMaker, SampleShare, SeededBatches
from kdseg_training.distillation.training.companions import Companion, CompanionDataset, CompanionTransforms
from kdseg_training.distillation.training.named_cases import NamedCases, NamingLoader
from kdseg_training.distillation.training.splits import SPLITS, read_split
from kdseg_training.distillation.unlabelled.cases import UnlabelledCases, UnlabelledDataset
from kdseg_training.distillation.unlabelled.mixing import MixedSampleMaker
from kdseg_training.synthesis.stream import RepeatedSampleMaker, SyntheticStream


def make_batches(
    trainer: Any,
    *,
    seed: int,
    share: SampleShare,
    mirror: bool,
    companions: Optional[Mapping[str, Companion]] = None,
    unlabelled: Optional[UnlabelledCases] = None,
    synthesis: Optional[SyntheticStream] = None,
) -> SeededBatches:
    """Make the stream of a trainer's data set and fold.

    Transforms, patch sizes, foreground oversampling and dummy 2-D augmentation are nnU-Net's. One thing is set otherwise: its
    Gaussian blur times two algorithms at run time and takes the faster one, so that the batches would depend on the load of the
    machine; here it always takes the direct convolution.

    Parameters
    ----------
    trainer
        An initialised ``nnUNetTrainer``.
    seed, share
        See :mod:`kdseg_training.distillation.training.batches`.
    mirror
        Whether to mirror training patches.
    companions
        Name → arrays that go through the augmentation of training patches with the image.
    unlabelled
        Cases for a share of every training batch.
    synthesis
        Labelled samples are drawn from label maps, the same validation batches in every epoch; the fold's cases are not read.

    Raises
    ------
    TrainingDataError
        If the fold does not exist, is empty, or cases are missing.
    """
    rotation, dummy_2d, initial_patch, mirror_axes = trainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size()
    scales = trainer._get_deep_supervision_scales()
    labels = trainer.label_manager
    common = {
        "is_cascaded": trainer.is_cascaded,
        "foreground_labels": labels.foreground_labels,
        "regions": labels.foreground_regions if labels.has_regions else None,
        "ignore_label": labels.ignore_label,
    }
    patch = trainer.configuration_manager.patch_size
    training = trainer.get_training_transforms(
        patch,
        rotation,
        scales,
        mirror_axes if mirror else None,
        dummy_2d,
        use_mask_for_norm=trainer.configuration_manager.use_mask_for_norm,
        **common,
    )
    validation = trainer.get_validation_transforms(scales, **common)
    make_deterministic(training)
    channels = {name: companion.channels for name, companion in (companions or {}).items()}
    if companions:
        training = CompanionTransforms(training, sum(channels.values()))

    def loader(cases: NamedCases, dataset: Any, size: Any, transforms: Any) -> NamingLoader:
        return NamingLoader(
            cases,
            dataset,
            1,
            size,
            patch,
            labels,
            oversample_foreground_percent=trainer.oversample_foreground_percent,
            sampling_probabilities=None,
            pad_sides=None,
            transforms=transforms,
            probabilistic_oversampling=trainer.probabilistic_oversampling,
        )

    def training_loader(cases: NamedCases) -> NamingLoader:
        return loader(cases, CompanionDataset(cases, companions) if companions else cases, initial_patch, training)

    oversample = None if trainer.probabilistic_oversampling else trainer.oversample_foreground_percent
    makers: Dict[Kind, SampleMaker]
    if synthesis is None:
        training_cases, held_out = _datasets(trainer)
        labelled: Any = training_loader(training_cases)
        makers = {"validation": SampleMaker(loader(held_out, held_out, patch, validation), share, oversample)}
    else:
        labelled, repeated = synthesis.loaders(patch, scales)
        makers = {"validation": RepeatedSampleMaker(repeated, share, trainer.num_val_iterations_per_epoch)}
    if unlabelled is None:
        makers["train"] = SampleMaker(labelled, share, oversample, channels)
    else:
        makers["train"] = MixedSampleMaker(
            labelled,
            training_loader(NamedCases(UnlabelledDataset(unlabelled), unlabelled.folder, _channels(trainer))),
            share,
            oversample=oversample,
            companions=channels,
            unlabelled_share=unlabelled.share,
        )
    return SeededBatches(makers, seed, on_device=synthesis is not None and synthesis.on_device)


def make_deterministic(transforms: Any) -> None:
    """Switch off every choice by stopwatch in a tree of transforms."""
    if hasattr(transforms, "benchmark"):
        transforms.benchmark = False
    for child in [*getattr(transforms, "transforms", []), getattr(transforms, "transform", None)]:
        if child is not None:
            make_deterministic(child)


def require_cases(folder: Optional[str]) -> None:
    """Check that a configuration is preprocessed.

    Raises
    ------
    TrainingDataError
        If the folder is missing or has no case.
    """
    if folder is None or not Path(folder).is_dir():
        found = "nnUNet_preprocessed is not set" if folder is None else "no such folder"
        raise _data_error("The data set is not preprocessed for this configuration.", "a folder with cases", found, folder)
    if not any(Path(folder).glob("*.b2nd")) and not any(Path(folder).glob("*.npz")):
        raise _data_error("The preprocessed data set is empty.", "at least one case", "none", folder)


def require_fold(splits: Path, fold: Union[int, str]) -> None:
    """Check that the data set's split has this fold.

    Raises
    ------
    TrainingDataError
        If it does not, or is damaged.
    """
    if fold != "all" and splits.is_file():
        read_split(splits, fold)


def _datasets(trainer: Any) -> Tuple[NamedCases, NamedCases]:
    folder = Path(trainer.preprocessed_dataset_folder)
    require_fold(Path(trainer.preprocessed_dataset_folder_base) / SPLITS, trainer.fold)
    present = set(trainer.dataset_class.get_identifiers(str(folder)))
    training, validation = trainer.get_tr_and_val_datasets()
    require_present(training.identifiers, present, "training", folder)
    require_present(validation.identifiers, present, "validation", folder)
    channels = _channels(trainer)
    return NamedCases(training, folder, channels), NamedCases(validation, folder, channels)


def _channels(trainer: Any) -> int:
    description = trainer.dataset_json
    return len(description["modality" if "modality" in description else "channel_names"])


def require_present(wanted: Sequence[str], present: Collection[str], what: str, folder: Path) -> None:
    """Raise :class:`TrainingDataError` if there are no cases, or some of them are not among those that are present."""
    if not wanted:
        raise _data_error(f"The fold has no {what} cases.", "at least one", "none", folder)
    missing = sorted(set(wanted) - set(present))
    if missing:
        found = f"{len(missing)} missing: {', '.join(missing[:5])}"
        raise _data_error(f"Some {what} cases of the fold are not preprocessed.", f"{len(wanted)} cases", found, folder)


def _data_error(problem: str, expected: str, found: str, folder: Union[Path, str, None]) -> TrainingDataError:
    remedy = "Run nnUNetv2_plan_and_preprocess for this data set and configuration, or correct splits_final.json."
    return TrainingDataError(problem, expected=expected, found=found, path=folder, remedy=remedy)
