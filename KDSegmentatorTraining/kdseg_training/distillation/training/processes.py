"""Several training processes that share one global batch: torchrun and DistributedDataParallel, or just one process."""

from __future__ import annotations

import os
import weakref
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Dict, Iterator, Mapping

import numpy as np
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from kdseg_training.distillation.training.step import StudentStep

TIMEOUT = timedelta(minutes=20)
"""A process that hears nothing from the others for so long gives up."""

_WRAPPED: weakref.WeakSet[DistributedDataParallel] = weakref.WeakSet()
"""What :meth:`Processes.wrap` returned and somebody still holds."""


@dataclass(frozen=True)
class Processes:
    """Which of how many processes this is.

    Attributes
    ----------
    rank, world
        This process and their number.
    local_rank
        This process on its machine: the number of its GPU.
    """

    rank: int = 0
    world: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and talks."""
        return self.rank == 0

    def wrap(self, step: StudentStep, device: torch.device) -> nn.Module:
        """Return the module whose backward pass averages the gradients over all processes.

        Parameters without gradient stay so, as in one process: nnU-Net gives its coarsest head no weight.
        """
        if self.world == 1:
            return step
        devices = [device.index or 0] if device.type == "cuda" else None
        wrapped = DistributedDataParallel(step, device_ids=devices, broadcast_buffers=False, find_unused_parameters=True)
        _WRAPPED.add(wrapped)
        return wrapped

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Return the sum of every process's array."""
        if self.world == 1:
            return values
        gathered: list[np.ndarray | None] = [None] * self.world
        distributed.all_gather_object(gathered, values)
        total: np.ndarray = np.sum([part for part in gathered if part is not None], axis=0)
        return total

    def mean(self, values: Mapping[str, float]) -> Dict[str, float]:
        """Return the mean of every process's numbers; all must have the same names."""
        total = self.sum(np.array(list(values.values()), dtype=np.float64))
        return dict(zip(values, (total / self.world).tolist(), strict=True))

    def any(self, *flags: bool) -> list[bool]:
        """Return for each flag whether any process has set it, so that all of them stop at the same step."""
        if self.world == 1:
            return list(flags)
        device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
        tensor = torch.tensor([float(flag) for flag in flags], device=device)
        distributed.all_reduce(tensor, op=distributed.ReduceOp.MAX)
        return [bool(value) for value in tensor.tolist()]


def current_processes() -> Processes:
    """Return what torch.distributed says; one process where it is not set up."""
    if not distributed.is_available() or not distributed.is_initialized():
        return Processes()
    rank = distributed.get_rank()
    return Processes(rank, distributed.get_world_size(), int(os.environ.get("LOCAL_RANK", rank)))


@contextmanager
def torchrun_processes(device_type: str) -> Iterator[Processes]:
    """Join the group that ``torchrun`` describes in the environment; without it, be one process.

    Modules from :meth:`Processes.wrap` cannot train any more when the group is left.

    Parameters
    ----------
    device_type
        ``cuda`` talks over NCCL, ``cpu`` over gloo.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or distributed.is_initialized():
        yield current_processes()
        return
    distributed.init_process_group("nccl" if device_type == "cuda" else "gloo", timeout=TIMEOUT)
    try:
        yield current_processes()
    finally:
        while _WRAPPED:
            _free_reducer(_WRAPPED.pop())
        distributed.destroy_process_group()


def _free_reducer(module: DistributedDataParallel) -> None:
    """Take from a module what holds on to the group.

    A reducer that outlives its group frees it, and joins gloo's threads, while it holds Python's interpreter lock. Such a
    thread may be waiting for just that lock to let go of a tensor; then both wait for ever. The group's own destructor lets
    go of the lock first.
    """
    del module.logger, module.reducer
