"""Turn what torch raises in the middle of a step into errors that say what to do."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Mapping, Optional, Sequence, Tuple

from torch import Tensor

from kdseg.errors import DeviceMemoryError, DivergenceError, KDSegError, TrainingDataError, TrainingError

_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "std::bad_alloc", "cublas_status_alloc_failed")
_WRONG_LABEL = ("out of bounds", "is out of bounds for dimension")


@contextmanager
def readable_failures(device: object, batch_size: int) -> Iterator[None]:
    """Inside, running out of memory and labels that the network has no output for become :class:`TrainingError`.

    Parameters
    ----------
    device, batch_size
        Named in the message.
    """
    try:
        yield
    except KDSegError:
        raise
    except MemoryError as error:
        raise out_of_memory(device, batch_size, "no more main memory") from error
    except (RuntimeError, IndexError) as error:
        text = str(error).lower()
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        if any(part in text for part in _OUT_OF_MEMORY):
            raise out_of_memory(device, batch_size, first) from error
        if any(part in text for part in _WRONG_LABEL):
            raise TrainingDataError(
                "A training label has no output in the network.",
                expected="labels that dataset.json names",
                found=first,
                remedy="Correct the labels or dataset.json, and plan and preprocess the data set again.",
            ) from error
        raise


def out_of_memory(device: object, batch_size: int, found: str) -> DeviceMemoryError:
    """Return the error for a device without enough memory."""
    return DeviceMemoryError(
        f"{device} has too little memory for this run.",
        found=found,
        remedy=(
            f"Lower budget.batch_size (now {batch_size}), train fewer students at once, leave out the teacher's mirroring, use "
            "a narrower student, or plan with a smaller patch. The last checkpoint is kept; only the same batch can resume it."
        ),
    )


def diverged(
    step: int, losses: Mapping[str, float], kept: Optional[Path], images: Sequence[Tuple[str, Tensor]]
) -> TrainingError:
    """Return the error for a loss or gradient that is not finite.

    Parameters
    ----------
    step, losses
        Where, and what the parts of the loss are.
    kept
        The last checkpoint.
    images
        Cases and their patches in the batch; one that is not finite is what is to blame.
    """
    damaged = sorted({name for name, image in images if not bool(image.isfinite().all())})
    parts = ", ".join(f"{name} {value:g}" for name, value in losses.items())
    if damaged:
        return TrainingDataError(
            "An image holds values that are not numbers.",
            expected="finite intensities",
            found=f"NaN or infinity in {', '.join(damaged[:5])} at step {step}",
            remedy="Correct or leave out these cases, preprocess again, and start again with --restart.",
        )
    return DivergenceError(
        f"The training diverged at step {step}.",
        expected="finite losses and gradients",
        found=parts,
        path=kept,
        remedy=(
            "With the same settings it would diverge again at this step. Lower budget.learning_rate or the weights of the "
            "losses, or use precision: fp32, and start again with --restart, which keeps this run aside."
        ),
    )
