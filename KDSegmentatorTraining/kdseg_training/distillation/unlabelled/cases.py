"""The unlabelled cases of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from kdseg.errors import ConfigurationError, TrainingDataError
from kdseg.wording import counted
from kdseg_training.distillation.config import DistillationConfig, digest
from kdseg_training.distillation.extras_config import UnlabelledSettings
from kdseg_training.distillation.preprocessed import fingerprints, list_cases, open_cases, preprocessing_digest
from kdseg_training.distillation.unlabelled.preparation import check_preprocessing, prepare_images

PREFIX = "unlabelled/"
"""Before the name of an unlabelled case in batches, so that it is never taken for a labelled one of the same name."""


@dataclass(frozen=True)
class UnlabelledCases:
    """Preprocessed cases without labels.

    Attributes
    ----------
    folder, names
        Where, and which.
    share
        Of each batch.
    """

    folder: Path
    names: Tuple[str, ...]
    share: float

    def digest(self) -> str:
        """Return the sha256 of the names."""
        return digest({"names": list(self.names)})

    def confident(self, confidence: Mapping[str, float], minimum: float) -> UnlabelledCases:
        """Return those cases whose confidence is at least ``minimum``.

        Raises
        ------
        TrainingDataError
            If there is none.
        """
        kept = tuple(name for name in self.names if confidence[name] >= minimum)
        if not kept:
            raise TrainingDataError(
                "The teacher is not confident enough about any unlabelled case.",
                expected=f"a mean probability of at least {minimum:g}",
                found=f"at most {max(confidence.values()):.4f}",
                path=self.folder,
                remedy="Lower unlabelled.minimum_confidence, or take scans that are more like those that it was trained with.",
            )
        return UnlabelledCases(self.folder, kept, self.share)


def open_unlabelled(
    config: DistillationConfig,
    settings: UnlabelledSettings,
    *,
    plans: Mapping[str, Any],
    dataset: Mapping[str, Any],
    labelled: Path,
    fold: Tuple[Sequence[str], Sequence[str]],
    prepare: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> UnlabelledCases:
    """Find the unlabelled cases of a run, and preprocess what is not preprocessed yet.

    Parameters
    ----------
    config
        The run; its file is named in errors.
    settings
        Its key ``unlabelled``.
    plans, dataset
        Of the run.
    labelled, fold
        Folder of the labelled cases; training and validation cases of the fold.
    prepare
        False: another process preprocesses them.
    say
        Told of what people should know.

    Raises
    ------
    TrainingDataError
        If there are none, or some that are named are missing.
    AgreementError
        If they were preprocessed in another way.
    ConfigurationError
        If a validation case is among them.
    """
    if settings.images is not None and prepare:
        prepare_images(
            settings.images, settings.cases, plans=plans, configuration=config.configuration, dataset=dataset, say=say
        )
    found = list_cases(settings.cases)
    if not check_preprocessing(settings.cases, preprocessing_digest(plans, config.configuration)):
        say(f"How the cases in {settings.cases} were preprocessed cannot be told; it must be as for {plans['plans_name']}.")
    names = _chosen(settings, found, _same(settings.cases, labelled), fold, config)
    if config.fold != "all":
        _refuse_validation_images(settings.cases, names, labelled, fold[1], config)
    say(f"Unlabelled: {counted(len(names), 'case')}, {settings.share:.0%} of each batch.")
    return UnlabelledCases(settings.cases, tuple(names), settings.share)


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _chosen(
    settings: UnlabelledSettings,
    found: List[str],
    same_folder: bool,
    fold: Tuple[Sequence[str], Sequence[str]],
    config: DistillationConfig,
) -> List[str]:
    names = sorted(set(settings.names)) if settings.names is not None else found
    if same_folder and settings.names is None:
        names = [name for name in found if name not in {*fold[0], *fold[1]}]
    missing = sorted(set(names) - set(found))
    if missing or not names:
        raise TrainingDataError(
            "There are no unlabelled cases." if not names else "Some unlabelled cases are missing.",
            expected="at least one preprocessed case" if not names else f"{len(names)} cases",
            found="none" if not names else f"{len(missing)} missing: {', '.join(missing[:5])}",
            path=settings.cases,
            remedy="Name their images in unlabelled.images, or correct unlabelled.cases and unlabelled.names.",
        )
    return names


def _refuse_validation_images(
    folder: Path, names: Sequence[str], labelled: Path, validation: Sequence[str], config: DistillationConfig
) -> None:
    """Raise if an image of the fold's validation is among the unlabelled ones, under whatever name."""
    held_back = set(fingerprints(labelled, validation).values())
    seen = [name for name, image in fingerprints(folder, names).items() if image in held_back]
    if seen:
        raise ConfigurationError(
            "Validation cases of the fold are among the unlabelled ones, and would be learnt through the teacher.",
            expected="other scans, or unlabelled.names without them",
            found=", ".join(seen[:5]),
            path=config.source,
        )


class UnlabelledDataset:
    """nnU-Net's data set of unlabelled cases: their names carry :data:`PREFIX`, and nothing of their labels is told.

    The segmentation that nnU-Net's loader reads tells only where the image was 0 before cropping (-1), which masks need.
    """

    def __init__(self, cases: UnlabelledCases) -> None:
        self._dataset = open_cases(cases.folder, cases.names)
        self.identifiers: List[str] = [PREFIX + name for name in sorted(cases.names)]

    def load_case(self, identifier: str) -> Tuple[Any, Any, Optional[Any], Dict[str, Any]]:
        """Return what nnU-Net's data set returns, without the places of labels."""
        image, segmentation, previous, properties = self._dataset.load_case(identifier.removeprefix(PREFIX))
        return image, segmentation, previous, {**properties, "class_locations": {}}

    def __getitem__(self, identifier: str) -> Tuple[Any, ...]:
        return self.load_case(identifier)
