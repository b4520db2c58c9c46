"""The device that a run or one of its processes uses."""

from __future__ import annotations

import torch

from kdseg.errors import ConfigurationError
from kdseg_training.distillation.training.processes import Processes


def choose_device(name: str) -> torch.device:
    """Resolve ``auto``.

    Raises
    ------
    ConfigurationError
        If there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and not (torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()):
        found = f"{torch.cuda.device_count()} CUDA devices"
        raise ConfigurationError(f"There is no device {name}.", expected=name, found=found, remedy="Use --device cpu.")
    return device


def process_device(device: torch.device, processes: Processes) -> torch.device:
    """Return this process's own GPU."""
    if device.type != "cuda" or processes.world == 1:
        return device
    torch.cuda.set_device(processes.local_rank)
    return torch.device("cuda", processes.local_rank)
