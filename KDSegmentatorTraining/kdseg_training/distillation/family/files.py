"""Read a teacher's plans from a model folder or a preprocessed data set, and write a student's beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional

from kdseg.atomic import write_bytes
from kdseg.bundle.members import DATASET, MEMBER_LIMITS_BYTES, PLANS
from kdseg.bundle.strict_json import dump_json, parse_json_object
from kdseg.errors import BundleSchemaError, ConfigurationError, PathLike
from kdseg_training.distillation.family.plans import FLOOR, derive_plans
from kdseg_training.export.model_folder import read_file


@dataclass(frozen=True)
class PlansFile:
    """Plans with the data set's description that lies beside them.

    Attributes
    ----------
    path
        The file with the plans.
    plans
        Parsed.
    dataset
        ``dataset.json``, parsed; None if there is none beside the plans.
    """

    path: Path
    plans: Dict[str, Any]
    dataset: Optional[Dict[str, Any]]

    @property
    def trained_configuration(self) -> Optional[str]:
        """The configuration that the name of a model folder ends with; None for other folders and files."""
        if self.path.name != PLANS:
            return None
        last = self.path.resolve().parent.name.rsplit("__", 1)[-1]
        return last if last in self.plans.get("configurations", {}) else None


def read_plans(source: PathLike, *, plans_name: Optional[str] = None) -> PlansFile:
    """Read plans and ``dataset.json``.

    Parameters
    ----------
    source
        A model folder (with ``plans.json``), the folder of a preprocessed data set (with ``<plans_name>.json``), or the file
        itself.
    plans_name
        Which plans of a preprocessed data set; None: the only ones that are nobody's student.

    Raises
    ------
    ConfigurationError
        If there are no plans, or they have to be chosen.
    BundleSchemaError
        If a file is damaged.
    ExportError
        If a file cannot be read.
    """
    path = Path(source)
    if path.is_dir():
        path = _choose(path, plans_name)
    elif not path.is_file():
        raise ConfigurationError("There are no plans here.", expected="a model folder, a data set or plans", path=path)
    beside = path.parent / DATASET
    return PlansFile(path, _read_object(path, PLANS), _read_object(beside, DATASET) if beside.is_file() else None)


def write_student_plans(
    source: PathLike,
    *,
    factor: float,
    floor: int = FLOOR,
    configuration: Optional[str] = None,
    name: Optional[str] = None,
    plans_name: Optional[str] = None,
    output_folder: Optional[PathLike] = None,
    replace: bool = False,
) -> Path:
    """Write a student's plans, for example ``nnUNetPlans_x4.json``, beside the teacher's.

    In the folder of the preprocessed data set ``nnUNetv2_train … -p nnUNetPlans_x4`` finds them and trains on the data that
    are there for the teacher.

    Parameters
    ----------
    source, plans_name
        As for :func:`read_plans`.
    factor, floor, configuration, name
        As for :func:`kdseg_training.distillation.family.derive_plans`.
    output_folder
        Where else to write; it must exist.
    replace
        Replace other plans of that name. The same plans are left as they are.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ConfigurationError
        If other plans of that name are there, or a setting is not usable.
    OutputError
        If the file cannot be written.
    """
    file = read_plans(source, plans_name=plans_name)
    plans = derive_plans(file.plans, factor=factor, floor=floor, configuration=configuration, name=name)
    target = (file.path.parent if output_folder is None else Path(output_folder)) / f"{plans['plans_name']}.json"
    if target.is_file() and not replace:
        if _read_object(target, PLANS) == plans:
            return target
        raise ConfigurationError(
            "Other plans of that name are there already.",
            expected=f"a new name, or the plans of factor {factor:g} and floor {floor}",
            path=target,
            remedy="Give another name, or allow replacing them; models that were trained with them keep their own copy.",
        )
    write_bytes(target, dump_json(plans))
    return target


def _choose(folder: Path, plans_name: Optional[str]) -> Path:
    if plans_name is not None:
        path = folder / f"{plans_name}.json"
        if Path(plans_name).name != plans_name or not path.is_file():
            raise ConfigurationError(f"There are no plans {plans_name}.", expected=_listed(_candidates(folder)), path=folder)
        return path
    if (folder / PLANS).is_file():
        return folder / PLANS
    candidates = _candidates(folder)
    teachers = [p for p in candidates if not any(p.stem.startswith(f"{other.stem}_x") for other in candidates)]
    if len(teachers) != 1:
        raise ConfigurationError(
            "The plans have to be chosen." if teachers else "There are no plans here.",
            expected="a model folder with plans.json, or a preprocessed data set with nnUNetPlans.json",
            found=_listed(teachers),
            path=folder,
            remedy="Name the plans, for example nnUNetResEncUNetLPlans, or give the file itself.",
        )
    return teachers[0]


def _candidates(folder: Path) -> List[Path]:
    """Return the JSON files with configurations."""
    found = []
    for path in sorted(folder.glob("*.json")):
        if path.name == DATASET or path.stat().st_size > MEMBER_LIMITS_BYTES[PLANS]:
            continue
        try:
            if "configurations" in _read_object(path, PLANS):
                found.append(path)
        except BundleSchemaError:
            continue  # splits_final.json is a list
    return found


def _listed(paths: List[Path]) -> str:
    return ", ".join(path.stem for path in paths) or "none"


def _read_object(path: Path, kind: str) -> Dict[str, Any]:
    return parse_json_object(read_file(path, MEMBER_LIMITS_BYTES[kind]), str(path))
