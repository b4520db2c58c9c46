"""The files that the folds of a model folder share: nnU-Net's plans and the description of the data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Mapping

from kdseg.atomic import write_bytes
from kdseg.bundle.members import DATASET, PLANS
from kdseg.bundle.strict_json import parse_json_object
from kdseg.errors import BundleSchemaError, KDSegError, ResumeError

FINGERPRINT = "dataset_fingerprint.json"

SHARED = (PLANS, DATASET, FINGERPRINT)

DESCRIBED = ("labels", "channel_names", "regions_class_order")
"""Keys of ``dataset.json`` that a network depends on."""


def require_same_model(
    model_folder: Path, fold: str, configuration: str, plans: Mapping[str, Any], dataset: Mapping[str, Any]
) -> None:
    """Make sure that a fold may be trained beside those that are there: one pair of files describes them all.

    Parameters
    ----------
    model_folder
        May not exist yet.
    fold
        What is going to be trained; its own folder does not count.
    configuration, plans, dataset
        Of the new fold.

    Raises
    ------
    ResumeError
        If another fold has a checkpoint, and its network or labels differ; the keys are named.
    """
    others = sorted(
        path.parent.name for path in model_folder.glob("fold_*/checkpoint_*.pth") if path.parent.name != f"fold_{fold}"
    )
    if not others:
        return
    try:
        stored = [parse_json_object((model_folder / name).read_bytes(), str(model_folder / name)) for name in (PLANS, DATASET)]
        differing = _differing(_essence(stored[0], stored[1], configuration), _essence(plans, dataset, configuration))
    except (OSError, KeyError, BundleSchemaError) as error:
        raise _another_model(
            model_folder, others[0], error.problem if isinstance(error, KDSegError) else repr(error)
        ) from error
    if differing:
        raise _another_model(model_folder, others[0], f"other values of {', '.join(differing)}")


def _essence(plans: Mapping[str, Any], dataset: Mapping[str, Any], configuration: str) -> Dict[str, Any]:
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    resolved = PlansManager(dict(plans)).get_configuration(configuration).configuration
    return {**resolved, **{key: dataset.get(key) for key in DESCRIBED}}


def _differing(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> List[str]:
    return [key for key in sorted({*stored, *wanted}) if stored.get(key) != wanted.get(key)]


def _another_model(model_folder: Path, fold: str, found: str) -> ResumeError:
    return ResumeError(
        "Another model lies in this folder; training here would replace the files that describe it.",
        expected=f"the plans and labels that {fold} was trained with",
        found=found,
        path=model_folder / PLANS,
        remedy="Give the student another name, or move the folder aside.",
    )


def copy_shared(model_folder: Path, target: Path) -> None:
    """Copy the shared files into a fold that is moved aside, so that it can still be read when they have changed."""
    for name in SHARED:
        if (model_folder / name).is_file():
            write_bytes(target / name, (model_folder / name).read_bytes())
