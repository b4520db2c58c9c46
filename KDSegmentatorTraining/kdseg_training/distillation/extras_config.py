"""The keys of a run's file for soft labels in a store, for cases without labels, and for batches drawn from label maps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, List, Optional, Sequence

from pydantic import BaseModel, ConfigDict, Field

from kdseg_training.distillation.loss_config import LossSpec, spec_name


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)


class SoftLabelSettings(_Settings):
    """The teacher's probabilities for whole volumes, computed once by ``kdseg-training soft-labels``.

    Attributes
    ----------
    folder
        Where they are stored; of this teacher only.
    floor
        Smallest odds, relative to the most probable channel, that are stored; a voxel without any keeps its winner only.
    tile_step
        Step of nnU-Net's sliding window, as a share of the patch.
    """

    folder: Path
    floor: float = Field(default=1e-4, ge=1e-6, le=0.5)
    tile_step: float = Field(default=0.5, gt=0, le=1)


class UnlabelledSettings(_Settings):
    """Scans without labels: what the teacher says about them is learnt too.

    Attributes
    ----------
    cases
        Folder of preprocessed cases; what ``images`` has more is preprocessed into it.
    images
        Folder of images, named as nnU-Net's ``imagesTr``; None: ``cases`` is complete.
    names
        Only these cases; None: all in the folder but the fold's own training and validation cases.
    share
        Of each batch; the rest are labelled cases.
    minimum_confidence
        Leave out cases whose mean probability of the winner, where the teacher sees a structure, is smaller; measured with the
        soft labels.
    """

    cases: Path
    images: Optional[Path] = None
    names: Optional[Annotated[List[str], Field(min_length=1)]] = None
    share: float = Field(default=0.5, gt=0, lt=1)
    minimum_confidence: Optional[float] = Field(default=None, ge=0, le=1)

    def within(self, folder: Path) -> UnlabelledSettings:
        """Return the settings with relative paths starting at a folder."""
        images = None if self.images is None else folder / self.images
        return self.model_copy(update={"cases": folder / self.cases, "images": images})


class SynthesisSettings(_Settings):
    """Batches drawn from label maps while the run goes on; ``kdseg-training synthesize`` has prepared them.

    Attributes
    ----------
    folder
        Where they are prepared; None: ``synthesis`` in the preprocessed data set.
    on_device
        Draw on the GPU that trains, without worker processes; None: where there is one, unless there are unlabelled cases.
    """

    folder: Optional[Path] = None
    on_device: Optional[bool] = None


def require_finest_logits(student: str, specs: Sequence[LossSpec]) -> None:
    """Raise ValueError if a student has a loss for which no soft labels are stored."""
    for spec in specs:
        if getattr(spec, "stages", None) is not None:
            raise ValueError(
                f"students.{student}: the loss {spec_name(spec)} compares features, and teacher.soft_labels has none: "
                "expected losses on logits only, or no teacher.soft_labels"
            )
        if getattr(spec, "heads", "finest") != "finest":
            raise ValueError(
                f"students.{student}: the loss {spec_name(spec)} compares all heads, and teacher.soft_labels has the "
                "finest only: expected heads: finest, or no teacher.soft_labels"
            )
