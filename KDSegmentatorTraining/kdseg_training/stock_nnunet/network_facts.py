"""Parameters and operations of a planned network, counted without allocating one of its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, Tuple

from kdseg.plans.model import ModelPlan


def count_network(plans: Mapping[str, Any], plan: ModelPlan, source: Path) -> Tuple[int, int]:
    """Return the parameters of a network and the operations of one pass over its patch.

    Parameters
    ----------
    plans
        ``plans.json`` in today's form.
    plan
        The configuration, as parsed from it.
    source
        Named in errors.

    Returns
    -------
    tuple of int
        Parameters, the heads for deep supervision included, as nnU-Net stores them; and operations of one pass, without those
        heads, as torch's own counter counts them: two for each multiplication with its addition in convolutions.

    Raises
    ------
    UnsupportedModelError
        If the architecture names a class or argument outside the allow-list.
    ExportError
        If nnU-Net cannot build it.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from kdseg_training.export.architecture import build_network

    with torch.device("meta"):
        network = build_network(plans, plan, source)
        patch = torch.empty((1, len(plan.channel_names), *plan.patch_size))
    counter: Any = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        network(patch)
    return sum(parameter.numel() for parameter in network.parameters()), int(counter.get_total_flops())
