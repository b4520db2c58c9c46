"""Preprocess unlabelled images as the labelled ones were."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Sequence

import numpy as np

from kdseg.atomic import atomic_path, write_bytes
from kdseg.bundle.strict_json import parse_json_object
from kdseg.errors import AgreementError, OutputError, TrainingDataError
from kdseg_training.distillation.preprocessed import list_cases, preprocessing_digest

INDEX = "unlabelled.json"
"""Says how the cases of the folder were preprocessed."""

SUFFIXES = ("_seg.b2nd", ".pkl", ".b2nd")
"""Files of a case; the last one makes it complete."""


def prepare_images(
    images: Path,
    cases: Path,
    *,
    plans: Mapping[str, Any],
    configuration: str,
    dataset: Mapping[str, Any],
    say: Callable[[str], None] = lambda _: None,
) -> int:
    """Preprocess every image that is not in ``cases`` yet, with nnU-Net's own preprocessor.

    Parameters
    ----------
    images
        Folder of ``<case>_0000.<ending>`` and so on, as nnU-Net's ``imagesTr``.
    cases
        Where they are written; made if it does not exist. A case is complete or absent, also after a crash.
    plans, configuration, dataset
        ``plans.json``, which of its configurations, ``dataset.json``.
    say
        Told how many are left to do.

    Returns
    -------
    int
        How many were preprocessed.

    Raises
    ------
    TrainingDataError
        If the folder has no images, or an image is damaged or lacks channels.
    AgreementError
        If ``cases`` was preprocessed in another way.
    OutputError
        If nothing can be written.
    """
    found = _find_images(images, str(dataset["file_ending"]), len(dataset["channel_names"]))
    _claim(cases, preprocessing_digest(plans, configuration))
    done = set(list_cases(cases))
    missing = {name: files for name, files in found.items() if name not in done}
    if missing:
        say(f"Preprocessing {len(missing)} unlabelled images into {cases}.")
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    manager = PlansManager(dict(plans))
    for name, files in missing.items():
        _prepare(name, files, cases, manager=manager, configuration=configuration, dataset=dataset)
    return len(missing)


def _find_images(folder: Path, ending: str, channels: int) -> Dict[str, List[str]]:
    try:
        found = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise TrainingDataError(
            "The unlabelled images cannot be read.", found=error.strerror or str(error), path=folder
        ) from error
    names = [name for name in found if name.endswith(ending) and not name.startswith(".")]
    cases: Dict[str, List[str]] = {}
    for name in names:
        cases.setdefault(name[: -len(ending)][:-5], []).append(name)
    wanted = [f"_{channel:04d}{ending}" for channel in range(channels)]
    wrong = [case for case, files in cases.items() if files != [case + suffix for suffix in wanted]]
    if not cases or wrong:
        raise TrainingDataError(
            "There are no unlabelled images." if not cases else f"Some unlabelled cases lack channels: {', '.join(wrong[:5])}.",
            expected=f"files <case>{', <case>'.join(wanted)}",
            found=", ".join(names[:5]) or "none",
            path=folder,
        )
    return {case: [str(folder / name) for name in files] for case, files in cases.items()}


def _claim(cases: Path, wanted: str) -> None:
    try:
        cases.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError("The folder for unlabelled cases cannot be made.", found=str(error), path=cases) from error
    if not (cases / INDEX).is_file():
        if list_cases(cases):
            raise AgreementError(
                "The folder has cases that this program did not preprocess.",
                expected=f"an empty folder, or one with {INDEX}",
                path=cases,
                remedy="Name another folder in unlabelled.cases, or leave out unlabelled.images.",
            )
        write_bytes(cases / INDEX, (json.dumps({"preprocessing": wanted}, indent=2) + "\n").encode("utf-8"))
    check_preprocessing(cases, wanted)


def check_preprocessing(cases: Path, wanted: str) -> bool:
    """Check that the cases of a folder were preprocessed in the way that ``wanted`` is the digest of.

    Of a folder in nnU-Net's preprocessed data sets, the plans beside it tell.

    Returns
    -------
    bool
        Whether that could be told.

    Raises
    ------
    AgreementError
        If they were preprocessed in another way.
    """
    index = cases / INDEX
    if index.is_file():
        found = {str(parse_json_object(index.read_bytes(), str(index)).get("preprocessing"))}
    else:
        found = set(_digests_beside(cases))
    if found and wanted not in found:
        raise AgreementError(
            "The unlabelled cases were preprocessed in another way than the labelled ones.",
            expected="the same spacing, normalisation, resampling, axes and reader",
            found="others",
            path=cases,
            remedy="Name their images in unlabelled.images, and a new folder in unlabelled.cases.",
        )
    return bool(found)


def _digests_beside(cases: Path) -> Sequence[str]:
    digests = []
    for path in sorted(cases.resolve().parent.glob("*.json")):
        with contextlib.suppress(Exception):  # other JSON files lie there too
            plans = json.loads(path.read_bytes())
            for name in plans["configurations"]:
                if plans["configurations"][name].get("data_identifier") == cases.resolve().name:
                    digests.append(preprocessing_digest(plans, name))
    return digests


def _prepare(name: str, files: List[str], cases: Path, *, manager: Any, configuration: str, dataset: Mapping[str, Any]) -> None:
    from nnunetv2.training.dataloading.nnunet_dataset import comp_blosc2_params, nnUNetDatasetBlosc2

    config = manager.get_configuration(configuration)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            preprocessor = config.preprocessor_class(verbose=False)
            image, outside, properties = preprocessor.run_case(files, None, manager, config, dict(dataset))
    except Exception as error:
        raise TrainingDataError(
            f"The unlabelled image {name} cannot be preprocessed.",
            found=" ".join(f"{type(error).__name__}: {error}".split())[:300],
            path=files[0],
            remedy="Correct or remove this image.",
        ) from error
    image, outside = image.astype(np.float32, copy=False), outside.astype(np.int16, copy=False)
    blocks, chunks = comp_blosc2_params(image.shape, tuple(config.patch_size), image.itemsize)
    blocks_seg, chunks_seg = comp_blosc2_params(outside.shape, tuple(config.patch_size), outside.itemsize)
    properties["class_locations"] = {}
    with tempfile.TemporaryDirectory(prefix=".preparing-", dir=cases) as folder:
        nnUNetDatasetBlosc2.save_case(
            image,
            outside,
            properties,
            str(Path(folder) / name),
            chunks=chunks,
            blocks=blocks,
            chunks_seg=chunks_seg,
            blocks_seg=blocks_seg,
        )
        for suffix in SUFFIXES:
            with atomic_path(cases / f"{name}{suffix}") as temporary:
                (Path(folder) / f"{name}{suffix}").replace(temporary)
