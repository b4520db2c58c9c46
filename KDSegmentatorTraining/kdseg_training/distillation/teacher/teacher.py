"""A frozen teacher: its logits and features for a batch, and the proof that training left it alone."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from kdseg.errors import TeacherError
from kdseg.plans.model import ModelPlan
from kdseg.sides import SideExchange
from kdseg_training.distillation.outputs import Outputs

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class TeacherSource:
    """Where a teacher came from, for the provenance of its students.

    Attributes
    ----------
    folder
        The model folder.
    folds
        Names after ``fold_``.
    checkpoint
        File name of the checkpoints.
    trainer
        Class name of the trainer.
    checkpoint_sha256
        Hex digest of each checkpoint's file.
    allowed_mirroring_axes
        Spatial axes that the checkpoint allows to mirror; None: none.
    """

    folder: Path
    folds: Tuple[str, ...]
    checkpoint: str
    trainer: str
    checkpoint_sha256: Tuple[str, ...]
    allowed_mirroring_axes: Optional[Tuple[int, ...]]


class Teacher:
    """One network or several folds, in inference mode, without gradients.

    It is no module, so that it never slips into a student's ``state_dict``, optimiser or export.

    Attributes
    ----------
    networks
        One for each fold.
    plan
        The configuration that it was trained with.
    plans, dataset
        ``plans.json`` (with an ``architecture`` also where it is older) and ``dataset.json``.
    source
        Where it came from.
    mirroring_axes
        Spatial axes over whose mirrored inputs the logits are averaged; None: none.
    sides
        Average also over the inputs mirrored from left to right, their classes exchanged; None: not.
    """

    def __init__(
        self,
        networks: Sequence[torch.nn.Module],
        plan: ModelPlan,
        *,
        plans: Mapping[str, Any],
        dataset: Mapping[str, Any],
        source: TeacherSource,
        mirroring_axes: Optional[Tuple[int, ...]] = None,
        sides: Optional[SideExchange] = None,
    ) -> None:
        self.networks = tuple(network.eval().requires_grad_(False) for network in networks)
        self.plan, self.plans, self.dataset, self.source = plan, dict(plans), dict(dataset), source
        self.mirroring_axes = mirroring_axes
        self.sides = sides
        self._digest_when_loaded = self.digest()

    @property
    def network(self) -> torch.nn.Module:
        """The network, or that of the first fold."""
        return self.networks[0]

    @property
    def configuration(self) -> str:
        """For example ``3d_fullres``."""
        return self.plan.configuration

    def to(self, device: Union[str, torch.device], *, channels_last: bool = False) -> Teacher:
        """Move the networks to a device; ``channels_last`` also reorders their weights in memory. Values stay."""
        import torch

        from kdseg_training.distillation.instance_norm import normalize_one_by_one

        order = torch.channels_last if self.plan.is_2d else torch.channels_last_3d
        for network in self.networks:
            network.to(device=device)
            if channels_last:
                network.to(memory_format=order)  # type: ignore[call-overload]  # as torch documents it
                normalize_one_by_one(network)
        return self

    def __call__(self, data: torch.Tensor, stage_names: Sequence[str] = (), *, all_heads: bool = True) -> Outputs:
        """Return what the teacher says about a batch.

        Runs without gradients, but not in torch's inference mode: a loss may save the results for its own backward pass. An
        autocast around the call applies; averages are taken in float32.

        Parameters
        ----------
        data
            (N, channels, *spatial), on the teacher's device; left as it is, also in its order in memory.
        stage_names
            Stages whose output is wanted. With mirroring they are those of the input as it is. Not for several folds, whose
            features do not correspond.
        all_heads
            Whether to give the coarser heads of deep supervision too.

        Raises
        ------
        TeacherError
            If features of several folds are asked for.
        ConfigurationError
            If there is no such stage.
        """
        import torch

        if stage_names and len(self.networks) > 1:
            raise TeacherError(
                "Features of several folds cannot be matched: each fold has its own.",
                expected="one fold, or losses on logits only",
                found=f"{len(self.networks)} folds and {', '.join(stage_names)}",
            )
        passes = [(network, view) for network in self.networks for view in self._views()]
        with torch.no_grad():
            with ExitStack() as stack:
                tap = _tap(stack, self.network, stage_names)
                logits = _heads(*passes[0], data, all_heads)
                features: Dict[str, torch.Tensor] = {} if tap is None else dict(tap.take())
            if len(passes) > 1:
                logits = [head.float() for head in logits]
                for network, view in passes[1:]:
                    logits = [a + b.float() for a, b in zip(logits, _heads(network, view, data, all_heads), strict=True)]
                logits = [head / len(passes) for head in logits]
        return Outputs(logits, features)

    def digest(self) -> str:
        """Return the SHA-256 (hex) over names, types, shapes and bytes of all weights; the same on every device."""
        import torch

        result = hashlib.sha256()
        for number, network in enumerate(self.networks):
            for name, tensor in (*network.named_parameters(), *network.named_buffers()):
                result.update(f"{number}/{name}/{tensor.dtype}/{tuple(tensor.shape)};".encode())
                plain = tensor.detach().to("cpu").contiguous(memory_format=torch.contiguous_format)
                result.update(plain.reshape(-1).view(torch.uint8).numpy().data)
        return result.hexdigest()

    def prove_unchanged(self) -> None:
        """Raise :class:`TeacherError` unless every weight is as it was loaded, in inference mode and without gradients."""
        problems = []
        if self.digest() != self._digest_when_loaded:
            problems.append("other weights")
        if any(network.training for network in self.networks):
            problems.append("training mode")
        if any(p.requires_grad or p.grad is not None for network in self.networks for p in network.parameters()):
            problems.append("gradients")
        if problems:
            raise TeacherError(
                "The teacher changed during training.",
                expected=f"weights with the digest {self._digest_when_loaded[:12]}…, frozen, in inference mode",
                found=", ".join(problems),
                path=self.source.folder,
                remedy="Do not use this student; the loop that trained it must leave the teacher out of its optimiser.",
            )

    def _views(self) -> List[_View]:
        axes = self.mirroring_axes or ()
        views = [_View(flip) for count in range(len(axes) + 1) for flip in combinations(axes, count)]
        if self.sides is not None:
            views += [_View((*view.flip, self.sides.axis), self.sides.classes) for view in views]
        return views


class _View(NamedTuple):
    """A mirrored input: the spatial axes, and which class stands for each in it."""

    flip: Tuple[int, ...]
    classes: Optional[Tuple[int, ...]] = None


def _heads(network: Any, view: _View, data: torch.Tensor, all_heads: bool) -> List[torch.Tensor]:
    """Run one network on a view of the data; return the heads, the finest first, as they are for the data itself."""
    import torch

    axes = [axis + 2 for axis in view.flip]
    network.decoder.deep_supervision = all_heads
    try:
        result = network(torch.flip(data, axes) if axes else data)
    finally:
        network.decoder.deep_supervision = False
    heads = list(result) if all_heads else [result]
    if axes:
        heads = [torch.flip(head, axes) for head in heads]
    if view.classes is not None:
        heads = [head[:, list(view.classes)] for head in heads]
    return heads


def _tap(stack: ExitStack, network: torch.nn.Module, stage_names: Sequence[str]) -> Any:
    if not stage_names:
        return None
    from kdseg_training.distillation.stages import StageTap

    return stack.enter_context(StageTap(network, stage_names))
