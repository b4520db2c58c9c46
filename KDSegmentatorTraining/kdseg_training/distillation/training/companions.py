"""Arrays that go through nnU-Net's cropping and spatial augmentation together with the image, such as stored soft labels.

nnU-Net's loader knows an image and a segmentation. A companion is appended to the image's channels where a case is loaded, and
so cropped and padded (with 0) with it; taken off before the transforms, which move it as a ``regression_target``: rotated,
scaled and mirrored like the image (linear interpolation), but without noise, blur and contrast; appended again for the loader;
and taken off the finished batch. nnU-Net's code is untouched, and image and segmentation are to the last bit what they are
without companions.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Protocol, Tuple

import numpy as np
import torch


class Companion(Protocol):
    """Gives one array for each case.

    Attributes
    ----------
    channels
        Of every array.
    """

    channels: int

    def load(self, case: str) -> Any:
        """Return the array of a case, (channels, *spatial), on the voxels of its preprocessed image; only slices are read."""


class CompanionDataset:
    """An nnU-Net data set whose images carry companions as further channels.

    Parameters
    ----------
    dataset
        ``nnUNetBaseDataset``.
    companions
        Name → companion; the order is that of the channels.
    """

    def __init__(self, dataset: Any, companions: Mapping[str, Companion]) -> None:
        self._dataset = dataset
        self._companions = dict(companions)
        self.identifiers: List[str] = dataset.identifiers

    def load_case(self, identifier: str) -> Tuple[Any, ...]:
        """Return what nnU-Net's data set returns, with more channels."""
        image, *others = self._dataset.load_case(identifier)
        return _Stack([image, *(companion.load(identifier) for companion in self._companions.values())]), *others

    def __getitem__(self, identifier: str) -> Tuple[Any, ...]:
        return self.load_case(identifier)


class _Stack:
    """Arrays one behind the other along the first axis, read only where they are sliced."""

    def __init__(self, arrays: List[Any]) -> None:
        spatial = tuple(arrays[0].shape[1:])
        for array in arrays[1:]:
            if tuple(array.shape[1:]) != spatial:
                raise ValueError(f"companion: expected the image's voxels {spatial}, found {tuple(array.shape[1:])}")
        self._arrays = arrays
        self.shape = (sum(int(array.shape[0]) for array in arrays), *spatial)
        self.ndim = len(self.shape)
        self.dtype = np.dtype(np.float32)

    def __getitem__(self, slices: Tuple[slice, ...]) -> np.ndarray:
        return np.concatenate([np.asarray(array[slices], dtype=np.float32) for array in self._arrays])


class CompanionTransforms:
    """Transforms that move the last channels of the image as a regression target.

    Parameters
    ----------
    transforms
        nnU-Net's.
    channels
        How many of the last channels are companions.
    """

    def __init__(self, transforms: Any, channels: int) -> None:
        self._transforms = transforms
        self._channels = channels

    def __call__(self, image: torch.Tensor, segmentation: torch.Tensor) -> Dict[str, Any]:
        """Return image (with the companions at its end) and segmentation."""
        moved = self._transforms(
            image=image[: -self._channels].clone(),
            segmentation=segmentation,
            regression_target=image[-self._channels :].clone(),
        )
        return {"image": torch.cat([moved["image"], moved["regression_target"]]), "segmentation": moved["segmentation"]}


def split_companions(batch: Dict[str, Any], channels: Mapping[str, int]) -> Dict[str, Any]:
    """Take the companions off the data of a finished batch: ``carried`` has them by name, (N, channels, *spatial)."""
    total = sum(channels.values())
    if not total:
        return batch
    data, joined = batch["data"][:, :-total].contiguous(), batch["data"][:, -total:]
    carried = dict(zip(channels, torch.split(joined, list(channels.values()), dim=1), strict=True))
    return {**batch, "data": data, "carried": {name: array.contiguous() for name, array in carried.items()}}
