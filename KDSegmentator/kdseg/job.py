"""One student with what it may use: the part of a run that does not depend on the volume."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Optional, Tuple

from kdseg.inference.passes import Passes
from kdseg.limits import Limits, Options
from kdseg.network import Network, for_both_sides, network_of
from kdseg.sides import SideExchange
from kdseg.student import Student

NNUNET_TILE_STEP_SIZE = 0.5
"""The step of ``nnUNetv2_predict``."""


@dataclass(frozen=True)
class Job:
    """A student, its limits and its options.

    ``expected_network`` is given where the student's ONNX file is not at hand; such a job is for estimates only.
    """

    student: Student
    limits: Limits = field(default_factory=Limits)
    options: Options = field(default_factory=Options)
    expected_network: Optional[Network] = field(default=None, repr=False, compare=False)

    @cached_property
    def network(self) -> Network:
        """How the student's network is run; its output is that of :attr:`passes`."""
        network, exchange = self.expected_network or network_of(self.student), self.side_exchange
        return network if exchange is None else for_both_sides(network, exchange)

    @property
    def mirroring_axes(self) -> Optional[Tuple[int, ...]]:
        """Spatial axes that are mirrored in this run; None for none."""
        return self.student.mirroring_axes if self.options.mirroring else None

    @property
    def side_exchange(self) -> Optional[SideExchange]:
        """How patches are mirrored with left and right exchanged in this run; None: not."""
        return self.student.side_exchange if self.options.mirroring else None

    @property
    def mirrors(self) -> bool:
        """Whether any mirrored input is averaged in."""
        return bool(self.mirroring_axes) or self.side_exchange is not None

    @property
    def passes(self) -> Passes:
        """The passes of the network for each patch."""
        return Passes(self.mirroring_axes, self.side_exchange, features=self.network.last_layer is not None)

    @property
    def tile_step_size(self) -> float:
        """Step between tiles as a share of the patch size: the caller's, else the student's, else nnU-Net's."""
        if self.options.tile_step_size is not None:
            return self.options.tile_step_size
        return float(self.student.document.get("inference", {}).get("tile_step_size", NNUNET_TILE_STEP_SIZE))
