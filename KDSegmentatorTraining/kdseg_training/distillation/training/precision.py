"""Number format and memory layout of the arithmetic, chosen for the device."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import ContextManager, Optional

import torch

from kdseg.errors import ConfigurationError


@dataclass(frozen=True)
class Precision:
    """How forward passes compute.

    Attributes
    ----------
    device_type
        ``cpu`` or ``cuda``.
    dtype
        Of autocast; None: fp32 throughout.
    """

    device_type: str
    dtype: Optional[torch.dtype]

    @property
    def name(self) -> str:
        """Return ``fp32``, ``bf16`` or ``fp16``."""
        return {None: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}[self.dtype]

    @property
    def needs_scaler(self) -> bool:
        """Whether small gradients would vanish without scaling the loss."""
        return self.dtype is torch.float16

    def autocast(self) -> ContextManager[object]:
        """Return the context for a forward pass with its loss."""
        if self.dtype is None:
            return nullcontext()
        return torch.autocast(self.device_type, dtype=self.dtype)


def choose_precision(wanted: str, device: torch.device) -> Precision:
    """Resolve ``auto`` and check the rest.

    Parameters
    ----------
    wanted
        ``auto``, ``fp32``, ``fp16`` (CUDA only) or ``bf16``.
    device
        Where the network runs.

    Raises
    ------
    ConfigurationError
        If the device cannot compute with it.
    """
    if wanted == "auto":
        wanted = "fp16" if device.type == "cuda" else "bf16" if cpu_has_bf16() else "fp32"
    if wanted == "fp16" and device.type != "cuda":
        raise ConfigurationError(
            "fp16 is for CUDA devices.", expected="fp32, bf16 or auto", found=f"fp16 on {device}", remedy="Set precision: auto."
        )
    return Precision(device.type, {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[wanted])


def cpu_has_bf16() -> bool:
    """Tell whether this CPU has matrix or vector instructions for bfloat16; without them bf16 is slower than fp32."""
    names = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(bool(getattr(torch.cpu, name, lambda: False)()) for name in names)


def memory_format(dimension: int, channels_last: bool) -> torch.memory_format:
    """Return the layout for ``dimension`` spatial axes."""
    if not channels_last:
        return torch.contiguous_format
    return torch.channels_last_3d if dimension == 3 else torch.channels_last
