"""Exponential moving average of the weights."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Dict, Iterator, Mapping

import torch


class WeightAverage:
    """``average = decay · average + (1 − decay) · weights`` after every step.

    In the first steps the decay is lower, (1 + n) / (10 + n), so that the random initial weights are forgotten.

    Parameters
    ----------
    network
        Whose parameters are averaged; buffers that are not floating point are copied.
    decay
        Between 0 and 1.
    """

    def __init__(self, network: torch.nn.Module, decay: float) -> None:
        self._network = network
        self._decay = decay
        self._updates = 0
        self._average = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take the network's weights into the average."""
        self._updates += 1
        decay = min(self._decay, (1 + self._updates) / (10 + self._updates))
        for name, tensor in self._network.state_dict().items():
            if tensor.is_floating_point():
                self._average[name].lerp_(tensor, 1 - decay)
            else:
                self._average[name].copy_(tensor)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside, the network has the averaged weights."""
        current = {name: tensor.detach().clone() for name, tensor in self._network.state_dict().items()}
        self._network.load_state_dict(self._average)
        try:
            yield
        finally:
            self._network.load_state_dict(current)

    def weights(self) -> Dict[str, torch.Tensor]:
        """Return the averaged ``state_dict``."""
        return self._average

    def state(self) -> Dict[str, object]:
        """Return what a checkpoint keeps."""
        return {"updates": self._updates, "average": self._average}

    def restore(self, state: Mapping[str, object]) -> None:
        """Continue from :meth:`state`."""
        updates, average = state["updates"], state["average"]
        if not isinstance(updates, int) or not isinstance(average, dict) or set(average) != set(self._average):
            raise ValueError("the average in the checkpoint is of another network")
        self._updates = updates
        for name, tensor in average.items():
            self._average[name].copy_(tensor)
