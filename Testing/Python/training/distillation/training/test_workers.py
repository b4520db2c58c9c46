"""Errors come out of the processes that prepare batches as they were raised."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from kdseg.errors import DeviceMemoryError, TrainingDataError, TrainingError
from kdseg_training.distillation.training.batches import SampleMaker, SampleShare, SeededBatches
from kdseg_training.distillation.training.workers import serve

both = pytest.mark.parametrize("workers", [0, 1])


def batches_that(act) -> SeededBatches:
    class Loader:
        def generate_train_batch(self):
            return act()

    return SeededBatches({"train": SampleMaker(Loader(), SampleShare(1), None)}, 0)


def raising(error: BaseException) -> SeededBatches:
    def act():
        raise error

    return batches_that(act)


def first(batches: SeededBatches, workers: int):
    return next(serve(batches, [("train", 0)], workers=workers))


@both
def test_every_field_of_an_error_is_kept(workers: int) -> None:
    error = TrainingDataError("A problem.", expected="this", found="that", path=Path("case.npz"), remedy="Do it again.")
    with pytest.raises(TrainingDataError) as caught:
        first(raising(error), workers)
    assert caught.value.as_dict() == error.as_dict()
    assert str(caught.value) == str(error)


@both
def test_other_errors_say_the_same_with_and_without_processes(workers: int) -> None:
    with pytest.raises(TrainingDataError) as caught:
        first(raising(KeyError("class_locations")), workers)
    assert caught.value.found == "KeyError: 'class_locations'"


@both
@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory: 9 bytes")],
)
def test_too_little_memory_is_not_a_damaged_case(workers: int, error: Exception) -> None:
    with pytest.raises(DeviceMemoryError, match=r"Set workers to 0 or 1, or use a smaller batch_size"):
        first(raising(error), workers)


def test_a_full_gpu_is_left_to_the_training_to_name() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        first(raising(torch.OutOfMemoryError("CUDA out of memory")), 0)


@both
def test_a_fault_of_the_program_is_not_blamed_on_the_data(workers: int) -> None:
    with pytest.raises(TypeError, match="a fault"):
        first(raising(TypeError("a fault")), workers)


def test_a_process_that_ends_is_told() -> None:
    with pytest.raises(TrainingError, match=r"ended without saying why.*Set workers to 0"):
        first(batches_that(lambda: os._exit(3)), 1)
