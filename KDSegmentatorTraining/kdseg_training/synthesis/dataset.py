"""From label maps to a data set that nnU-Net has planned and preprocessed."""

from __future__ import annotations

import contextlib
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

from kdseg.atomic import write_bytes
from kdseg.bundle.strict_json import parse_json_object
from kdseg.errors import ConfigurationError, TrainingDataError
from kdseg.wording import counted
from kdseg_training.distillation.config_file import read_settings
from kdseg_training.synthesis.anatomy import Anatomy, AnatomySettings, build_anatomy
from kdseg_training.synthesis.config import SynthesisConfig
from kdseg_training.synthesis.label_map import LabelMap, read_label_map, save_label_map
from kdseg_training.synthesis.plans import CONFIGURATION, planned_network, recipe_plans
from kdseg_training.synthesis.prepared import (
    DESCRIPTION,
    FOLDER,
    PreparedSettings,
    fingerprint,
    read_description,
    write_description,
)
from kdseg_training.synthesis.rendering import render, write_image

SUFFIXES = (".nii.gz", ".nrrd")
"""Of label maps."""

READER = "SimpleITKIOWithReorient"
"""nnU-Net's reader that turns every volume to RAS: left and right are then always where the network learnt them."""

PLANNER, PLANNED = "nnUNetPlannerResEncM", "nnUNetResEncUNetMPlans"
"""nnU-Net's planner, and what it calls its plans."""


@dataclass(frozen=True)
class SyntheticDataSet:
    """What :func:`prepare` leaves.

    Attributes
    ----------
    raw, preprocessed
        Folders of the data set.
    plans
        Name of its plans.
    training, validation
        Number of label maps.
    """

    raw: Path
    preprocessed: Path
    plans: str
    training: int
    validation: int


def prepare(config: SynthesisConfig, say: Callable[[str], None] = lambda _: None) -> SyntheticDataSet:
    """Prepare label maps, render an image of each, and let nnU-Net plan and preprocess.

    What is done already with the same settings is not done again.

    Parameters
    ----------
    config
        See there.
    say
        Told what goes on.

    Raises
    ------
    ConfigurationError
        If the anatomy is not valid, folders are not named, or the data set was prepared with other settings.
    TrainingDataError
        If label maps are missing or cannot be used.
    """
    raw, preprocessed = _folders(config)
    settings = read_settings(config.anatomy, AnatomySettings)
    anatomy = build_anatomy(settings)
    files = label_map_files(config)
    folder = preprocessed / FOLDER
    maps: Dict[str, LabelMap] = {}
    for name, path in files.items():
        maps[name] = read_label_map(path, name, anatomy)
    described = _describe(config, settings, maps)
    plans = preprocessed / f"{config.plans}.json"
    result = SyntheticDataSet(raw, preprocessed, config.plans, len(described.training), len(described.validation))
    if (folder / DESCRIPTION).is_file():
        stored = read_description(folder)
        _require_same(stored, described, folder)
        if plans.is_file():
            _require_same_network(plans, config)
            say(f"{config.dataset} is prepared already.")
            if stored.seed is None:
                say("With which seed was not kept by the version that prepared it, so that it is not compared.")
            return result
    folder.mkdir(parents=True, exist_ok=True)
    say(f"Rendering {counted(len(maps), 'image')} for nnU-Net's planning.")
    for name, label_map in maps.items():
        save_label_map(label_map, folder / f"{name}.npz")
        _render(config, anatomy, label_map, raw)
    _write_json(raw / "dataset.json", dataset_json(anatomy, len(maps)))
    split = {"train": sorted(described.training), "val": sorted(described.validation)}
    _write_json(preprocessed / "splits_final.json", [split])
    write_description(folder, described)
    _plan(config, raw, preprocessed, say)
    return result


def label_map_files(config: SynthesisConfig) -> Dict[str, Path]:
    """Return the label maps of a configuration by name, sorted.

    Raises
    ------
    ConfigurationError
        If no folder is named, or everything would be validation.
    TrainingDataError
        If some are missing.
    """
    if config.label_maps is None:
        raise ConfigurationError(
            "It is not said where the label maps are.", expected="label_maps in the file, or --label-maps", found="nothing"
        )
    found: Dict[str, Path] = {}
    for suffix in SUFFIXES:
        found.update({path.name[: -len(suffix)]: path for path in sorted(config.label_maps.glob(f"*{suffix}"))})
    wanted = sorted(found) if config.names is None else sorted({*config.names, *config.validation})
    missing = sorted({*wanted, *config.validation} - set(found))
    if missing or not found:
        raise TrainingDataError(
            "Label maps are missing.",
            expected=", ".join(missing) or f"files *{' or *'.join(SUFFIXES)}",
            found=f"{len(found)} label maps",
            path=config.label_maps,
        )
    if not set(wanted) - set(config.validation):
        raise ConfigurationError("Every label map is for validation.", expected="at least one for training", found="none")
    return {name: found[name] for name in wanted}


def dataset_json(anatomy: Anatomy, cases: int) -> Dict[str, Any]:
    """Return nnU-Net's description of the data set."""
    labels = {"background": 0, **{name: number for number, name in enumerate(anatomy.structures, start=1)}}
    return {
        "channel_names": {"0": "MRI"},
        "labels": labels,
        "numTraining": cases,
        "file_ending": ".nii.gz",
        "overwrite_image_reader_writer": READER,
    }


def _render(config: SynthesisConfig, anatomy: Anatomy, label_map: LabelMap, raw: Path) -> None:
    image, labels = render(anatomy, label_map, config.spacing_mm, config.seed)
    for folder, name, values in (
        ("imagesTr", f"{label_map.name}_0000.nii.gz", image),
        ("labelsTr", f"{label_map.name}.nii.gz", labels),
    ):
        (raw / folder).mkdir(parents=True, exist_ok=True)
        write_image(raw / folder / name, values, config.spacing_mm)


def _describe(config: SynthesisConfig, anatomy: AnatomySettings, maps: Dict[str, LabelMap]) -> PreparedSettings:
    prints = {name: fingerprint(label_map) for name, label_map in maps.items()}
    return PreparedSettings(
        anatomy=anatomy,
        appearance=config.appearance,
        spacing_mm=config.spacing_mm,
        training={name: value for name, value in prints.items() if name not in config.validation},
        validation={name: value for name, value in prints.items() if name in config.validation},
        seed=config.seed,
    )


def _require_same(stored: PreparedSettings, wanted: PreparedSettings, folder: Path) -> None:
    one, other = stored.model_dump(mode="json"), wanted.model_dump(mode="json")
    differ: List[str] = [key for key in one if one[key] != other[key] and (key, one[key]) != ("seed", None)]
    if not differ:
        return
    raise ConfigurationError(
        "The data set was prepared with other settings.",
        expected="the same settings, or a data set of another name",
        found=f"other {', '.join(differ)}",
        path=folder,
        remedy="Give dataset another name in the file, or delete this data set's raw and preprocessed folders.",
    )


def _require_same_network(path: Path, config: SynthesisConfig) -> None:
    stored = planned_network(parse_json_object(path.read_bytes(), str(path)))
    wanted = config.network.model_dump(mode="json")
    differ = [key for key in wanted if wanted[key] != stored[key]]
    if differ:
        raise ConfigurationError(
            "The data set was planned with another network.",
            expected=", ".join(f"{key} {wanted[key]}" for key in differ) + ", as in the file",
            found=", ".join(f"{key} {stored[key]}" for key in differ),
            path=path,
            remedy="Give plans another name in the file, or delete the plans to have this data set planned anew.",
        )


def _plan(config: SynthesisConfig, raw: Path, preprocessed: Path, say: Callable[[str], None]) -> None:
    """Let nnU-Net plan, replace the network, and let nnU-Net preprocess."""
    os.environ.update({"nnUNet_raw": str(raw.parent), "nnUNet_preprocessed": str(preprocessed.parent)})
    from nnunetv2.experiment_planning.plan_and_preprocess_api import extract_fingerprints, plan_experiments, preprocess_dataset

    number = int(config.dataset[7:10])
    processes = max(1, min(4, os.cpu_count() or 1))
    say("nnU-Net plans and preprocesses.")
    with contextlib.redirect_stdout(io.StringIO()):
        extract_fingerprints([number], num_processes=processes, check_dataset_integrity=False, clean=True)
        plan_experiments([number], PLANNER)
        planned = json.loads((preprocessed / f"{PLANNED}.json").read_bytes())
        plans = recipe_plans(planned, config.plans, config.network, config.spacing_mm)
        _write_json(preprocessed / f"{config.plans}.json", plans)
        try:
            preprocess_dataset(number, config.plans, (CONFIGURATION,), num_processes=(processes,))
        except BaseException:
            (preprocessed / f"{config.plans}.json").unlink()  # its presence says that all is done
            raise


def _folders(config: SynthesisConfig) -> Tuple[Path, Path]:
    folders: List[Path] = []
    for key in ("raw", "preprocessed"):
        given = getattr(config, key) or os.environ.get(f"nnUNet_{key}")
        if not given:
            raise ConfigurationError(
                f"It is not said where {key} data are.",
                expected=f"{key}: a folder in the file, or the environment variable nnUNet_{key}",
            )
        folders.append(Path(given) / config.dataset)
    return folders[0], folders[1]


def _write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, json.dumps(content, indent=1, ensure_ascii=False).encode())
