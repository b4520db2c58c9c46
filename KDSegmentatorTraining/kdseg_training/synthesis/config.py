"""The YAML file of ``kdseg-training synthesize``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, List, Optional, Tuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kdseg_training.distillation.config_file import read_settings
from kdseg_training.distillation.config_words import like
from kdseg_training.synthesis.settings import Appearance


class _Settings(BaseModel):
    GUIDE: ClassVar[str] = "docs/synthesis.md"

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class NetworkSettings(_Settings):
    """The residual encoder U-Net of the plans, and what it is trained on. Every stage after the first halves the resolution.

    Attributes
    ----------
    patch_size
        Along z, y, x; each divisible by two for every stage after the first.
    batch_size
        Patches in a batch.
    features, blocks
        Channels and residual blocks of each stage of the encoder.
    """

    patch_size: Tuple[int, int, int]
    batch_size: int = Field(default=2, ge=1)
    features: List[int] = Field(min_length=2)
    blocks: List[int] = Field(min_length=2)

    @model_validator(mode="after")
    def _fits_together(self) -> NetworkSettings:
        if len(self.features) != len(self.blocks):
            raise ValueError(f"features has {len(self.features)} stages, blocks {len(self.blocks)}: expected as many")
        if min(*self.features, *self.blocks) < 1:
            raise ValueError("features and blocks: expected numbers from 1 on")
        step = 2 ** (len(self.features) - 1)
        if any(size < step or size % step for size in self.patch_size):
            raise ValueError(f"patch_size: expected multiples of {step}, because there are {len(self.features)} stages")
        return self


class SynthesisConfig(_Settings):
    """A data set made from label maps.

    Attributes
    ----------
    dataset
        Name in nnU-Net's form, ``Dataset010_Brain``.
    label_maps
        Folder of ``*.nii.gz`` or ``*.nrrd``; None: given on the command line.
    names
        Only these, without suffix; None: all in the folder.
    validation
        Names of those that no training sample is drawn from.
    anatomy
        See :class:`kdseg_training.synthesis.anatomy.AnatomySettings`.
    spacing_mm
        Of samples, the same in all axes.
    plans
        Name of the plans that are written.
    network
        See there.
    appearance
        See there; what is not said has its default.
    seed
        Of the images that are rendered for nnU-Net's planning.
    raw, preprocessed
        Instead of the environment variables ``nnUNet_raw`` and ``nnUNet_preprocessed``.
    """

    dataset: Annotated[str, like(r"Dataset\d{3}_[A-Za-z0-9]+", "Dataset, three digits, _ and a name")]
    label_maps: Optional[Path] = None
    names: Optional[List[str]] = Field(default=None, min_length=2)
    validation: List[str] = Field(min_length=1)
    anatomy: Path
    spacing_mm: float = Field(gt=0, le=10)
    plans: Annotated[str, like(r"[A-Za-z0-9]+", "letters and digits")] = "nnUNetSynthesisPlans"
    network: NetworkSettings
    appearance: Appearance = Appearance()
    seed: int = Field(default=0, ge=0, lt=2**63)
    raw: Optional[Path] = None
    preprocessed: Optional[Path] = None


def read_synthesis_config(path: Path) -> SynthesisConfig:
    """Read and check the file; relative paths in it start at its folder.

    Raises
    ------
    ConfigurationError
        If it is missing, not YAML, or a key is missing, unknown or not allowed; the message names every such key.
    """
    config = read_settings(path, SynthesisConfig)
    folder = path.resolve().parent
    given = {key: getattr(config, key) for key in ("label_maps", "anatomy", "raw", "preprocessed")}
    return config.model_copy(update={key: folder / value for key, value in given.items() if value is not None})
