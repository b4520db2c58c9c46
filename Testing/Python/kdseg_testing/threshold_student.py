"""A student whose labels can be told without running it, written without torch and without the onnx package.

With one channel its label is 1 where the image is above 0. With two channels its label is 1 where the second is above the
first. No normalisation, 1 mm, patches of 8 × 8 × 8 voxels.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from kdseg.bundle import write_bundle
from kdseg.bundle.labels import format_labels_csv
from kdseg.bundle.selftest import SelfTest, write_self_test
from kdseg.segmentation import Code, LabelEntry
from kdseg_testing.wire import graph, message, model, node, port

PATCH_SIZE = (8, 8, 8)
STRUCTURE = "Bright tissue"
TISSUE = Code("SCT", "85756007", "Tissue")
ENTRIES = (LabelEntry(1, STRUCTURE, (241, 214, 145), TISSUE, TISSUE),)


def write_threshold_student(
    folder: Path,
    *,
    channels: int = 1,
    name: str = "threshold",
    wrong_self_test: bool = False,
    reader: str = "SimpleITKIO",
    **changes: Any,
) -> Path:
    """Write the bundle into ``folder`` and return its path; ``changes`` are laid over its ``bundle.json``."""
    names = [f"channel {i}" for i in range(channels)]
    members = {
        "plans.json": _json({**_plans(channels), "image_reader_writer": reader}),
        "dataset.json": _json(
            {
                "channel_names": {str(i): n for i, n in enumerate(names)},
                "labels": {"background": 0, STRUCTURE: 1},
                "numTraining": 1,
                "file_ending": ".nii.gz",
            }
        ),
        "model.onnx": _one_channel_model() if channels == 1 else _two_channel_model(),
        "labels.csv": format_labels_csv(ENTRIES),
        "selftest.npz": write_self_test(_self_test(channels, wrong_self_test)),
    }
    return write_bundle(folder, {**_document(name, names), **changes}, members)


def expected_labels(channels: np.ndarray) -> np.ndarray:
    """Return what the student must give for an image of shape (channel, z, y, x)."""
    return (channels[0] > 0 if channels.shape[0] == 1 else channels[1] > channels[0]).astype(np.uint8)


def _self_test(channels: int, wrong: bool) -> SelfTest:
    image = np.random.default_rng(0).normal(size=(1, channels, *PATCH_SIZE)).astype(np.float32)
    labels = expected_labels(image[0])[None].astype(np.uint16)
    margin = np.abs(2 * image[:, 0] if channels == 1 else image[:, 1] - image[:, 0])
    return SelfTest(image, 1 - labels if wrong else labels, margin > 0.1)


def _json(data: Any) -> bytes:
    return json.dumps(data).encode()


def _plans(channels: int) -> dict[str, Any]:
    resampling = {"is_seg": False, "order_z": 0, "force_separate_z": None}
    return {
        "dataset_name": "Dataset001_Threshold",
        "plans_name": "nnUNetPlans",
        "label_manager": "LabelManager",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {
            "3d_fullres": {
                "preprocessor_name": "DefaultPreprocessor",
                "patch_size": list(PATCH_SIZE),
                "spacing": [1.0, 1.0, 1.0],
                "normalization_schemes": ["NoNormalization"] * channels,
                "use_mask_for_norm": [False] * channels,
                "resampling_fn_data": "resample_data_or_seg_to_shape",
                "resampling_fn_data_kwargs": {**resampling, "order": 3},
                "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
                "resampling_fn_probabilities_kwargs": {**resampling, "order": 1},
                "architecture": {
                    "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
                    "arch_kwargs": {"features_per_stage": [2]},
                },
            }
        },
    }


def _document(name: str, channels: list[str]) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "name": name,
        "version": "1.0.0",
        "licence": "Apache-2.0",
        "modality": "MR",
        "body_part": "none",
        "intended_use": "Tests only.",
        "research_use_notice": "For research use only.",
        "orientation": {"array": "native", "training_data": "unknown"},
        "channels": [{"name": c} for c in channels],
        "classes": [{"value": 1, "name": STRUCTURE}],
        "parameters": 1,
        "capacity": "1",
        "inference": {"configuration": "3d_fullres", "mirroring_axes": None, "tile_step_size": 0.5},
        "provenance": {
            "dataset": {"name": "none", "licence": "Apache-2.0"},
            "checkpoint": {"file": "none", "sha256": "0" * 64, "trainer": "none"},
            "teacher": None,
            "distillation": None,
            "seeds": [],
            "software": {},
        },
        "export": {
            "opset": 17,
            "ir_version": 8,
            "drift": [
                {
                    "input_shape": [1, *PATCH_SIZE],
                    "max_abs_logit": 0.0,
                    "decisions": 512,
                    "decided": 512,
                    "differing": 0,
                    "differing_decided": 0,
                }
            ],
        },
    }


def _one_channel_model() -> bytes:
    axis = message((1, "axis"), (3, 1), (20, 2))  # an attribute of type INT
    negate = message((1, "image"), (2, "negative"), (4, "Neg"))
    concat = message((1, "negative"), (1, "image"), (2, "logits"), (4, "Concat"), (5, axis))
    return _model(1, negate, concat)


def _two_channel_model() -> bytes:
    return _model(2, node())


def _model(channels: int, *nodes: bytes) -> bytes:
    ports = {name: port(name, (1, n, "z", "y", "x")) for name, n in (("image", channels), ("logits", 2))}
    return model(body=graph(nodes=nodes, **ports))
