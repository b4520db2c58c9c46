"""Which structures to measure: named by a file, or the union of what the label maps hold."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterable, Mapping, Optional, Tuple

from kdseg.errors import InputError, KDSegError, PathLike
from kdseg.plans.model import LabelSystem
from kdseg_training.evaluation.cases import Pair
from kdseg_training.evaluation.label_files import read_label_map
from kdseg_training.evaluation.structures import values_in
from kdseg_training.metrics.label_maps import LARGEST_LABEL

DATASET_JSON = "dataset.json"
"""nnU-Net's description of a data set; it lies beside ``labelsTr`` and in every folder of predictions."""


@dataclass(frozen=True)
class LabelTable:
    """The structures and where they come from.

    Attributes
    ----------
    labels
        Name of each structure by its label, ascending.
    source
        For people: which file, or how they were found.
    ignore_label, regions
        As in :class:`~kdseg_training.evaluation.settings.EvaluationSettings`.
    """

    labels: Mapping[int, str]
    source: str
    ignore_label: Optional[int] = None
    regions: Mapping[int, Tuple[int, ...]] = field(default_factory=dict)


def read_labels(path: PathLike) -> LabelTable:
    """Read the structures of a ``dataset.json``, a student bundle (``.zip``) or a colour table (``.csv``).

    Raises
    ------
    InputError
        If the file is of another kind or not readable.
    BundleError
        If ``dataset.json`` or the bundle is not valid.
    """
    path = Path(path)
    try:
        if path.suffix.lower() == ".json":
            return _from_dataset_json(path.read_bytes(), str(path))
        if path.suffix.lower() == ".csv":
            return _from_table(path.read_bytes(), str(path))
        if path.suffix.lower() == ".zip":
            return _from_bundle(path)
    except OSError as error:
        raise InputError("The labels cannot be read.", found=error.strerror or str(error), path=path) from error
    raise InputError(
        "The file does not name labels.",
        expected="nnU-Net's dataset.json, a student bundle (.kdseg.zip) or a colour table (.csv)",
        found=path.name,
        path=path,
    )


def nearby_labels(reference: PathLike, predictions: Iterable[PathLike]) -> Optional[LabelTable]:
    """Return the structures of the first ``dataset.json`` in or beside the reference's folder or in a folder of predictions.

    None where there is none.

    Raises
    ------
    BundleError
        If it is there and not valid.
    """
    reference = Path(reference).absolute()
    folder = reference if reference.is_dir() else reference.parent
    folders = [folder, folder.parent]
    for prediction in predictions:
        path = Path(prediction).absolute()
        folders.append(path if path.is_dir() else path.parent)
    for candidate in folders:
        if (candidate / DATASET_JSON).is_file():
            return read_labels(candidate / DATASET_JSON)
    return None


def labels_in(pair: Pair) -> Dict[int, str]:
    """Return the values above 0 of a case's two files with their names, where a file has names; else an empty text.

    A file that cannot be read counts as empty here; measuring the case tells what is wrong with it.
    """
    found: Dict[int, str] = {}
    for path in (pair.reference, pair.prediction):
        try:
            file = read_label_map(path)
        except KDSegError:
            continue
        for value in values_in(file.segmentation.labels):
            found[value] = found.get(value) or file.names.get(value, "")
        for value, name in file.names.items():
            found[value] = found.get(value) or name
    return found


def union_of_labels(found: Iterable[Mapping[int, str]]) -> LabelTable:
    """Return one table of everything that :func:`labels_in` found.

    Raises
    ------
    InputError
        If nothing was found.
    """
    names: Dict[int, str] = {}
    for table in found:
        for value, name in table.items():
            names[value] = names.get(value) or name
    if not names:
        raise InputError(
            "No label map holds a structure: every voxel of every case is background.",
            expected="values above 0",
            found="only 0, or files that cannot be read",
            remedy="Check the folders, or name the structures with a dataset.json, a bundle or a labels.csv.",
        )
    labels = _unique({value: names[value] or f"label {value}" for value in sorted(names)})
    return LabelTable(labels, "the values found in the label maps, as no file names the structures")


def _from_dataset_json(content: bytes, source: str) -> LabelTable:
    from kdseg.bundle.strict_json import parse_json_object
    from kdseg.plans.parser import parse_labels

    return _from_system(parse_labels(parse_json_object(content, source), source), source)


def _from_system(system: LabelSystem, source: str) -> LabelTable:
    if system.region_order is None:
        labels = {values[0]: name for name, values in system.names}
        return LabelTable(dict(sorted(labels.items())), source, system.ignore_label)
    regions = {painted: values for painted, (_, values) in zip(system.region_order, system.names)}
    labels = {painted: name for painted, (name, _) in zip(system.region_order, system.names)}
    if len(labels) != len(system.names):
        raise InputError(
            "Two regions of the data set are painted with one value, so they cannot be told apart in a label map.",
            found=f"regions_class_order {list(system.region_order)}",
            path=source,
        )
    return LabelTable(labels, source, system.ignore_label, regions)


def _from_bundle(path: Path) -> LabelTable:
    from kdseg.bundle import load_student

    student = load_student(path)
    system = student.plan.labels
    names = {entry.value: entry.name for entry in student.entries}
    if system.has_regions:
        return _from_system(system, str(path))
    return LabelTable(names, str(path), system.ignore_label)


def _from_table(content: bytes, source: str) -> LabelTable:
    """Read the columns LabelValue and Name; others do not matter."""
    try:
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
        pairs = [(row["LabelValue"].strip(), row["Name"].strip()) for row in rows]
    except (UnicodeDecodeError, csv.Error, KeyError, AttributeError) as error:
        raise _table_error(source, f"{type(error).__name__}: {error}") from error
    values = [text for text, _ in pairs if text != "0"]
    whole = all(text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= LARGEST_LABEL for text in values)
    labels = {int(text): name for text, name in pairs if text != "0"} if whole else {}
    if not labels or len(labels) != len(values) or not all(labels.values()) or len(set(labels.values())) != len(labels):
        raise _table_error(source, f"{len(pairs)} row(s) that are not all usable")
    return LabelTable(dict(sorted(labels.items())), source)


def _table_error(source: str, found: str) -> InputError:
    return InputError(
        "The table does not name labels.",
        expected=f"a CSV file with the columns LabelValue (1 to {LARGEST_LABEL}) and Name, each value and name once",
        found=found,
        path=source,
    )


def _unique(labels: Dict[int, str]) -> Dict[int, str]:
    """Add the value to names that two values share."""
    names = list(labels.values())
    return {value: name if names.count(name) == 1 else f"{name} ({value})" for value, name in labels.items()}
