"""Turn an nnU-Net v2 model folder into a student bundle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Tuple, Union

import numpy as np
import numpy.typing as npt

from kdseg.bundle.labels import check_labels, format_labels_csv, parse_labels_csv
from kdseg.bundle.members import DATASET, LABELS, MEMBER_LIMITS_BYTES, MODEL, PLANS, SELF_TEST
from kdseg.bundle.selftest import SelfTest, decide, write_self_test
from kdseg.bundle.writer import bundle_bytes, bundle_file_name, write_bundle
from kdseg.errors import ExportError, OutputError, PathLike
from kdseg.plans.model import ModelPlan
from kdseg.plans.parser import parse_model_plan
from kdseg.segmentation import LabelEntry
from kdseg.sides import SideExchange
from kdseg_training.export.architecture import axis_strides, build_network
from kdseg_training.export.checkpoint import Checkpoint, read_checkpoint
from kdseg_training.export.comparison import Drift, check_drift, measure_drift, onnx_logits, torch_logits
from kdseg_training.export.defaults import complete
from kdseg_training.export.metadata import check_stated, describe
from kdseg_training.export.model_folder import ModelFolder, open_model_folder, read_file
from kdseg_training.export.onnx_model import IR_VERSION, OPSET, export_onnx
from kdseg_training.export.sample_image import sample_image, self_test_shape
from kdseg_training.export.sides import side_exchange
from kdseg_training.export.terminology import neutral_entries, unrecognised
from kdseg_training.export.training_record import recorded_metadata, with_recorded

if TYPE_CHECKING:
    import torch

TILE_STEP_SIZE = 0.5
"""nnU-Net's default step between tiles, as a share of the patch size."""

LEAST_DECIDED_SHARE = 0.5
"""The self-test is worth something only if at least this share of its decisions is clear."""

_SELF_TEST_SEED, _PATCH_SEED = 0, 1


@dataclass(frozen=True)
class ExportResult:
    """What was written.

    Attributes
    ----------
    path
        The bundle.
    name, version
        Of the student.
    drift
        ONNX Runtime against torch, on the self-test and on one full patch.
    notes
        What a person should know, for example that labels got neutral codes.
    """

    path: Path
    name: str
    version: str
    drift: Tuple[Drift, ...]
    notes: Tuple[str, ...]

    def as_dict(self) -> Dict[str, Any]:
        """Return the result as plain data."""
        drift = [d.as_dict() for d in self.drift]
        return {"path": str(self.path), "name": self.name, "version": self.version, "drift": drift, "notes": list(self.notes)}


def export_student(
    model_folder: PathLike,
    output_folder: PathLike,
    *,
    configuration: Optional[str] = None,
    fold: Optional[Union[int, str]] = None,
    checkpoint: str = "checkpoint_final.pth",
    metadata: Optional[Mapping[str, Any]] = None,
    labels_csv: Optional[PathLike] = None,
    exchange_sides: bool = False,
    keep_largest_part: bool = False,
    overwrite: bool = False,
) -> ExportResult:
    """Export one fold of a trained model.

    Parameters
    ----------
    model_folder
        With ``plans.json``, ``dataset.json`` and ``fold_*/<checkpoint>``.
    output_folder
        Gets ``<name>-<version>.kdseg.zip``; made if it does not exist. On any error nothing is written.
    configuration
        For example ``3d_fullres``; None takes what the checkpoint was trained with, any other value must equal it.
    fold
        None takes the only one; several must be chosen from and are never averaged.
    checkpoint
        File name of the checkpoint.
    metadata
        See :data:`kdseg_training.export.metadata.DESCRIBING_KEYS`. What is left out is taken from the records of the trainer
        and of a study beside the checkpoint (:mod:`kdseg_training.export.training_record`), else filled in; the notes tell it.
    labels_csv
        Slicer's colour table with terminology; None makes one with neutral codes, and the notes say so.
    exchange_sides
        Have every patch averaged with its mirror image, left and right classes exchanged, which takes twice the passes. For a
        network that saw its training samples so mirrored; the sides are those of the labels' terminology.
    keep_largest_part
        Have only the largest connected part of all structures together kept, for an organ in one piece.
    overwrite
        Replace a bundle of the same name and version that has other content.

    Raises
    ------
    ExportError
        If the folder is incomplete or damaged, the fold has to be chosen, the sides cannot be exchanged, or ONNX Runtime does
        not reproduce torch.
    UnsupportedModelError
        If the model uses what the runtime does not implement, or a class outside the allow-list.
    BundleError
        If the metadata or the labels do not follow their schema.
    OutputError
        If the bundle cannot be written, or another one of this name and version is there.
    """
    check_stated(metadata or {})
    files = open_model_folder(Path(model_folder), fold, checkpoint)
    trained = read_checkpoint(files.checkpoint_path)
    plan = parse_model_plan(files.plans, files.dataset, _configuration(trained, configuration), str(files.folder / PLANS))
    entries, labels_bytes, notes = _labels(plan, labels_csv)
    exchange = side_exchange(entries, plan, trained.mirroring_axes) if exchange_sides else None
    network = _load_network(files, plan, trained)
    test_shape = self_test_shape(axis_strides(files.plans, plan))
    model = export_onnx(network, len(plan.channel_names), plan.labels.heads, test_shape)
    test_image = sample_image(len(plan.channel_names), test_shape, _SELF_TEST_SEED)
    self_test, drift = _compare(network, model, plan, test_image)
    recorded, record_notes = recorded_metadata(files.checkpoint_path.parent, trained.sha256)
    if (exchange_sides or keep_largest_part) and recorded.pop("quality", None) is not None:
        record_notes += (
            "The recorded quality was left out: it was measured without --exchange-sides and --keep-largest-part.",
        )
    described, note = complete(with_recorded(metadata or {}, recorded), files.plans, plan.channel_names)
    derived = _derived(plan, trained, entries, network, drift)
    if exchange is not None:
        derived["inference"]["side_exchange"] = {"axis": exchange.axis, "classes": list(exchange.classes)}
    if keep_largest_part:
        derived["inference"]["keep_largest_part"] = True
    document = describe(described, derived, _provenance(files, trained))
    members = {
        PLANS: files.plans_bytes,
        DATASET: files.dataset_bytes,
        MODEL: model,
        LABELS: labels_bytes,
        SELF_TEST: write_self_test(self_test),
    }
    path = _write(Path(output_folder), document, members, overwrite)
    pairs = () if exchange is None else (_pairs_note(exchange, entries),)
    told = (*notes, *pairs, *record_notes, *([note] if note else []))
    return ExportResult(path, document["name"], document["version"], drift, told)


def _pairs_note(exchange: SideExchange, entries: Tuple[LabelEntry, ...]) -> str:
    names = {entry.value: entry.name for entry in entries}
    pairs = [f"{names[a]} – {names[b]}" for a, b in enumerate(exchange.classes) if a < b]
    return f"These are each other's mirror image: {', '.join(pairs)}."


def _configuration(trained: Checkpoint, wanted: Optional[str]) -> str:
    if wanted is not None and wanted != trained.configuration:
        raise ExportError(
            "The checkpoint was trained with another configuration.", expected=wanted, found=trained.configuration
        )
    return trained.configuration


def _labels(plan: ModelPlan, labels_csv: Optional[PathLike]) -> Tuple[Tuple[LabelEntry, ...], bytes, Tuple[str, ...]]:
    if labels_csv is not None:
        content = read_file(Path(labels_csv), MEMBER_LIMITS_BYTES[LABELS])
        entries = parse_labels_csv(content, str(labels_csv))
        check_labels(entries, plan.labels, str(labels_csv))
        return entries, content, ()
    entries = neutral_entries(plan.labels)
    neutral = unrecognised(entries)
    note = "No labels file was given: colours and terminology codes were chosen by name"
    if neutral:
        note += f", and these have the neutral code SCT 85756007 Tissue: {', '.join(neutral)}"
    return entries, format_labels_csv(entries), (f"{note}.",)


def _load_network(files: ModelFolder, plan: ModelPlan, trained: Checkpoint) -> torch.nn.Module:
    network = build_network(files.plans, plan, files.folder / PLANS)
    try:
        network.load_state_dict(trained.weights)
    except RuntimeError as error:
        raise ExportError(
            "The weights do not fit the planned network.",
            expected="the checkpoint that was trained with this plans.json and dataset.json",
            found=" ".join(str(error).split())[:300],
            path=files.checkpoint_path,
        ) from error
    return network


def _compare(
    network: torch.nn.Module, model: bytes, plan: ModelPlan, test_image: npt.NDArray[np.float32]
) -> Tuple[SelfTest, Tuple[Drift, ...]]:
    """Compare torch and ONNX Runtime on the self-test's input and on one patch, and make the self-test of torch's logits."""
    regions, channels = plan.labels.has_regions, len(plan.channel_names)
    expected = torch_logits(network, test_image)
    labels, decided = decide(expected, regions)
    if decided.mean() < LEAST_DECIDED_SHARE:
        raise ExportError(
            "The network hardly decides anything; it is probably not trained.",
            expected=f"clear decisions in {LEAST_DECIDED_SHARE:.0%} of the self-test",
            found=f"{decided.mean():.0%}",
        )
    patch = sample_image(channels, plan.patch_size, _PATCH_SEED)
    pairs = (
        (test_image, expected, onnx_logits(model, test_image)),
        (patch, torch_logits(network, patch), onnx_logits(model, patch)),
    )
    drift = tuple(replace(measure_drift(a, b, regions), input_shape=image.shape) for image, a, b in pairs)
    for entry in drift:
        check_drift(entry)
    return SelfTest(test_image[None], labels, decided), drift


def _derived(
    plan: ModelPlan, trained: Checkpoint, entries: Tuple[LabelEntry, ...], network: torch.nn.Module, drift: Tuple[Drift, ...]
) -> Dict[str, Any]:
    return {
        "orientation": {"array": plan.orientation.value},
        "channels": [{"name": name} for name in plan.channel_names],
        "classes": [{"value": entry.value, "name": entry.name} for entry in entries],
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "inference": {
            "configuration": plan.configuration,
            "mirroring_axes": None if trained.mirroring_axes is None else list(trained.mirroring_axes),
            "tile_step_size": TILE_STEP_SIZE,
        },
        "export": {"opset": OPSET, "ir_version": IR_VERSION, "drift": [entry.as_dict() for entry in drift]},
    }


def _provenance(files: ModelFolder, trained: Checkpoint) -> Dict[str, str]:
    file = files.checkpoint_path.relative_to(files.folder).as_posix()
    return {"file": file, "sha256": trained.sha256, "trainer": trained.trainer}


def _write(folder: Path, document: Mapping[str, Any], members: Mapping[str, bytes], overwrite: bool) -> Path:
    content = bundle_bytes(document, members)  # refuse before the folder is made
    earlier = folder / bundle_file_name(str(document["name"]), str(document["version"]))
    if not overwrite and earlier.exists() and not (earlier.is_file() and earlier.read_bytes() == content):
        raise OutputError(
            "Another bundle of this name and version is there.",
            expected="a new name or version",
            found="a bundle with other content",
            path=earlier,
            remedy="Give the student another --version, or replace that bundle with --overwrite.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError("The output folder cannot be made.", found=error.strerror or str(error), path=folder) from error
    return write_bundle(folder, document, members)
