"""A narrow network's beginning: a selection of a wider one's weights (Xu et al., ICLR 2024, arXiv 2311.18823)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Mapping, Sequence

if TYPE_CHECKING:
    import torch

CHANNEL_AXES = 2
"""Leading axes of a weight that count channels; the kernel's axes follow."""


def evenly_spaced(count: int, size: int) -> Sequence[int]:
    """Return ``count`` of the positions 0 … ``size`` - 1 with even spaces: ⌊i · size / count⌋ (uniform selection).

    The rule selects the same channels where they are produced and where they are consumed, also in a decoder's stacks of
    upsampled and skipped channels, both as wide as their stage: so those that stay keep what they mean.
    """
    return [index * size // count for index in range(count)]


def select_weights(tensors: Mapping[str, torch.Tensor], network: Mapping[str, torch.Tensor]) -> Dict[str, torch.Tensor]:
    """Return the tensors, those narrowed that have more channels than the network's.

    Parameters
    ----------
    tensors
        Of the wider network, by name: weights (output, input, kernel …) or vectors of one number for each channel.
    network
        The narrow network's tensors, by name and in the order of its layers.

    Returns
    -------
    dict
        Of every tensor that both have, and no other kernel, elements at evenly spaced channels; all else as it came, and so do
        the image's channels, which are never selected.
    """
    first = next((name for name, tensor in network.items() if tensor.ndim > CHANNEL_AXES), None)
    return {
        name: _selected(tensor, network[name], images=name == first) if name in network else tensor
        for name, tensor in tensors.items()
    }


def _selected(wide: torch.Tensor, narrow: torch.Tensor, *, images: bool) -> torch.Tensor:
    """Narrow one tensor; ``images``: it reads the image's channels."""
    import torch

    comparable = wide.ndim == narrow.ndim and wide.shape[CHANNEL_AXES:] == narrow.shape[CHANNEL_AXES:]
    if images:
        comparable = comparable and wide.shape[1] == narrow.shape[1]
    if not comparable or any(have < want for have, want in zip(wide.shape, narrow.shape)):
        return wide
    for axis, (have, want) in enumerate(zip(wide.shape[:CHANNEL_AXES], narrow.shape[:CHANNEL_AXES])):
        if have != want:
            wide = wide.index_select(axis, torch.tensor(evenly_spaced(want, have), device=wide.device))
    return wide
