"""A few seconds of training, so that a network decides as trained networks do: with distance between its classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Sequence

import numpy as np
import torch

from kdseg_testing.model_folder import build_network

STEPS = 60
BATCH = 2


def train_briefly(model_folder: Path, files: Sequence[Path], target: np.ndarray, *, steps: int = STEPS, seed: int = 0) -> None:
    """Train the network of a model folder on one case and store its weights there.

    Parameters
    ----------
    model_folder
        From :func:`kdseg_testing.model_folder.write_model_folder`.
    files
        One file for each channel.
    target
        Label map (z, y, x); integers above the model's largest label are taken for that one.
    steps
        Steps of Adam.
    """
    torch.manual_seed(seed)
    plans = json.loads((model_folder / "plans.json").read_text())
    dataset = json.loads((model_folder / "dataset.json").read_text())
    path = next(model_folder.glob("fold_*/checkpoint_final.pth"))
    checkpoint = torch.load(path, weights_only=True)
    configuration = checkpoint["init_args"]["configuration"]
    image, labels = _preprocessed(plans, dataset, configuration, files, target)
    network = build_network(plans, dataset, configuration)
    network.decoder.deep_supervision = False
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    rng = np.random.default_rng(seed)
    patch_size = plans["configurations"][configuration]["patch_size"]
    for _ in range(steps):
        batch = [_random_patch(image, labels, patch_size, rng) for _ in range(BATCH)]
        logits = network(torch.from_numpy(np.stack([b[0] for b in batch])))
        loss = _loss(logits, torch.from_numpy(np.stack([b[1] for b in batch])), dataset)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    torch.save({**checkpoint, "network_weights": network.state_dict()}, path)


def _preprocessed(plans: Any, dataset: Any, configuration: str, files: Sequence[Path], target: np.ndarray) -> Any:
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    manager = PlansManager(plans)
    image, properties = manager.image_reader_writer_class().read_images([str(f) for f in files])
    known = max(v if isinstance(v, int) else max(v) for k, v in dataset["labels"].items() if k != "ignore")
    seg = np.minimum(target, known).astype(np.float32)[None]
    if seg.shape[1:] != image.shape[1:]:  # a reader that reorients: train on what fits the array
        seg = np.digitize(image[:1], np.percentile(image[0], [55, 75, 90])).astype(np.float32)
    image, labels, _ = DefaultPreprocessor(verbose=False).run_case_npy(
        image, seg, properties, manager, manager.get_configuration(configuration), dataset
    )
    return np.asarray(image, dtype=np.float32), np.maximum(np.asarray(labels[0]), 0).astype(np.int64)


def _random_patch(image: np.ndarray, labels: np.ndarray, patch_size: Sequence[int], rng: np.random.Generator) -> Any:
    size = [1, *patch_size] if len(patch_size) == 2 else list(patch_size)
    missing = [max(0, p - n) for p, n in zip(size, labels.shape)]
    widths = [(m // 2, m - m // 2) for m in missing]
    image, labels = np.pad(image, [(0, 0), *widths]), np.pad(labels, widths)
    corner = [int(rng.integers(0, n - p + 1)) for n, p in zip(labels.shape, size)]
    box = tuple(slice(c, c + p) for c, p in zip(corner, size))
    patch, truth = image[(slice(None), *box)], labels[box]
    return (patch[:, 0], truth[0]) if len(patch_size) == 2 else (patch, truth)


def _loss(logits: torch.Tensor, truth: torch.Tensor, dataset: Any) -> torch.Tensor:
    if "regions_class_order" not in dataset:
        return torch.nn.functional.cross_entropy(logits, truth)
    regions = [v if isinstance(v, list) else [v] for k, v in dataset["labels"].items() if k not in {"background", "ignore"}]
    wanted = torch.stack([torch.isin(truth, torch.tensor(r)) for r in regions], dim=1).float()
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, wanted)
