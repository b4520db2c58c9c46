"""The losses of a run as one module: terms, their weights and schedules, and the adapters that they share."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from kdseg.errors import ConfigurationError
from kdseg_training.distillation.loss_config import LossSpec, Schedule, spec_name
from kdseg_training.distillation.losses.adapters import StageAdapters
from kdseg_training.distillation.losses.base import DistillationTerm, Target, graph_zero, total
from kdseg_training.distillation.losses.terms import build_term
from kdseg_training.distillation.outputs import LabelScheme, Outputs


class DistillationLoss(nn.Module):
    """Weighted sum of distillation terms.

    ``L = Σ_i λ_i · schedule_i(progress) · L_i``. Features of the student pass one adapter for each stage, shared by the terms
    that need equally many channels. Adapters and context blocks are parameters of this module: give them to the optimiser, clip
    their gradients with the others, keep ``state_dict()`` in the checkpoint; the exported student has none of them.

    Build it with :func:`build_distillation_loss`.

    Attributes
    ----------
    stage_names
        The stages whose features both networks must give; empty: logits only.
    label_names
        The terms that need labels, and are left out for an unlabelled batch.
    """

    def __init__(
        self,
        terms: Mapping[str, DistillationTerm],
        weights: Mapping[str, float],
        schedules: Mapping[str, Schedule],
        adapters: StageAdapters,
    ) -> None:
        super().__init__()
        self.terms = nn.ModuleDict(terms)
        self.adapters = adapters
        self._weights = dict(weights)
        self._schedules = dict(schedules)
        self.stage_names: Tuple[str, ...] = tuple(dict.fromkeys(name for term in terms.values() for name in term.stage_names))
        self.label_names: Tuple[str, ...] = tuple(name for name, term in terms.items() if term.needs_labels)

    def weights_at(self, progress: float) -> Dict[str, float]:
        """Return name → λ · schedule at this point of the training; ``progress`` is from 0 to 1."""
        return {name: weight * self._schedules[name].factor(progress) for name, weight in self._weights.items()}

    def forward(
        self,
        student: Outputs,
        teacher: Outputs,
        target: Target = None,
        *,
        progress: float,
        labelled: Optional[Tensor] = None,
    ) -> Tuple[Tensor, Dict[str, Tensor]]:
        """Return the loss of one batch and its parts.

        Parameters
        ----------
        student, teacher
            Outputs of both networks for the same batch.
        target
            One tensor for each head, the finest first; None for an unlabelled batch.
        progress
            Share of the training that is done, 0 to 1.
        labelled
            Numbers of the samples that have labels, at least one; None for all. Terms that need labels see these samples only;
            the others see all, and the target of an unlabelled sample must not hold the ignore label.

        Returns
        -------
        total
            Scalar, float32, belongs to the student's graph.
        parts
            Name → value before its weight, detached. A term that was not computed is absent rather than 0: because its weight
            is 0 now, or because it needs labels and there are none.

        Raises
        ------
        AgreementError
            If student and teacher differ in a shape that must be equal.
        """
        teacher = teacher.detached()
        weights = self.weights_at(progress)
        active = {
            name: term
            for name, term in self._terms().items()
            if weights[name] > 0 and not (target is None and term.needs_labels)
        }
        adapted = self.adapters(student, self._adapted_stages(active))
        anchors = [*self.parameters(), *([] if active else student.logits[:1])]
        losses, parts = [graph_zero(*anchors)] if anchors else [], {}
        for name, term in active.items():
            ours, theirs = adapted if term.equal_channels else student, teacher
            if term.condenses:
                ours, theirs = term.condensed(student), term.condensed(teacher)
                ours = self.adapters(ours, term.stage_names) if term.equal_channels else ours
            if labelled is None or target is None or not term.needs_labels:
                value = term(ours, theirs, target)
            else:
                value = term(ours.samples(labelled), theirs.samples(labelled), [head[labelled] for head in target])
            parts[name] = value.detach()
            losses.append(weights[name] * value)
        return total(losses), parts

    def _terms(self) -> Dict[str, DistillationTerm]:
        return {name: term for name, term in self.terms.items() if isinstance(term, DistillationTerm)}

    @staticmethod
    def _adapted_stages(terms: Mapping[str, DistillationTerm]) -> Tuple[str, ...]:
        whole = [term for term in terms.values() if term.equal_channels and not term.condenses]
        return tuple(dict.fromkeys(name for term in whole for name in term.stage_names))


def build_distillation_loss(
    specs: Sequence[LossSpec],
    scheme: LabelScheme,
    student_channels: Mapping[str, int],
    teacher_channels: Mapping[str, int],
    head_weights: Sequence[float],
    *,
    seed: int = 0,
) -> DistillationLoss:
    """Build the losses of a run.

    Parameters
    ----------
    specs
        The losses, see :mod:`kdseg_training.distillation.loss_config`.
    scheme
        What the channels of the logits and the values of the target mean.
    student_channels, teacher_channels
        Stage name → channels, of all stages: :func:`kdseg_training.distillation.stages.stage_channels` of each network.
    head_weights
        nnU-Net's weight of each head, the finest first; only losses on all heads use them.
    seed
        Of the adapters' and context blocks' first values. They are drawn apart from the global random state, so that a student
        starts from the same weights and sees the same batches with any losses, or none.

    Raises
    ------
    ConfigurationError
        If a stage does not exist, or two losses have one name.
    """
    names = _names(specs)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        terms: Dict[str, DistillationTerm] = {
            name: build_term(spec, scheme, teacher_channels, head_weights) for name, spec in zip(names, specs, strict=True)
        }
        stages = [name for term in terms.values() if term.equal_channels for name in term.stage_names]
        adapters = StageAdapters(stages, student_channels, teacher_channels)
    return DistillationLoss(
        terms,
        {name: spec.weight for name, spec in zip(names, specs, strict=True)},
        {name: spec.schedule for name, spec in zip(names, specs, strict=True)},
        adapters,
    )


def _names(specs: Sequence[LossSpec]) -> List[str]:
    names = [spec_name(spec) for spec in specs]
    taken = nn.ModuleDict()
    unusable = sorted({name for name in names if names.count(name) > 1 or hasattr(taken, name)})
    if unusable:
        raise ConfigurationError(
            f"A loss cannot be called {', '.join(unusable)}.",
            expected="a name of its own for each loss, none that PyTorch's modules use themselves",
            found=", ".join(names),
            remedy="Give the loss another name.",
        )
    return names
