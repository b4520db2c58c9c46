"""Every random number of a training follows from its seed and from where in the training it is drawn."""

from __future__ import annotations

import hashlib
import random
from contextlib import contextmanager
from typing import Iterator, Union

import numpy as np
import torch


def derive_seed(seed: int, *place: Union[str, int]) -> int:
    """Return a 63-bit seed for one place of the training, for example ``("train", batch, sample)``.

    Neighbouring places give unrelated seeds, which ``seed + place`` would not.
    """
    text = "/".join([str(seed), *(str(part) for part in place)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's (its legacy global generator, which nnU-Net uses) and torch's generators."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


@contextmanager
def own_randomness() -> Iterator[None]:
    """Whatever is drawn or seeded inside leaves the generators outside as they were."""
    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(cpu)
