"""All that a finished study knows; the report is made from it and from nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Tuple

from kdseg_training.distillation.study.analysis import Analysis, Group, mean_of_means
from kdseg_training.distillation.study.config import EQUAL_TIME, PLAIN, StudyConfig
from kdseg_training.distillation.study.measurement import METRICS, Measured
from kdseg_training.distillation.study.split import Split
from kdseg_training.distillation.study.trained import TrainedArm


@dataclass(frozen=True)
class CombinationChoice:
    """Which candidate became ``best``.

    Attributes
    ----------
    scores
        Candidate → inner-validation Dice.
    chosen
        The best of them.
    """

    scores: Mapping[str, float]
    chosen: str


@dataclass(frozen=True)
class EqualTimeChoice:
    """How many epochs a plain student gets to train as long as a distilled one.

    Attributes
    ----------
    factor, like
        Width, and the distilled arm's method.
    plain_seconds, distilled_seconds
        Per step, measured.
    epochs
        The study's, times their ratio.
    """

    factor: float
    like: str
    plain_seconds: float
    distilled_seconds: float
    epochs: int


@dataclass(frozen=True)
class ArmOutcome:
    """One arm with everything that was measured of it.

    Attributes
    ----------
    trained
        The network.
    parameters
        Their number, heads for deep supervision included.
    checkpoint_sha256
        Of the file that was predicted with.
    validation
        Inner validation cases, under the study's first choice of mirroring.
    test
        Mirroring → test cases; empty before the test.
    """

    trained: TrainedArm
    parameters: int
    checkpoint_sha256: str
    validation: Measured
    test: Mapping[bool, Measured]


@dataclass(frozen=True)
class Outcome:
    """A finished study.

    Attributes
    ----------
    config, split
        What it was told.
    arms
        The teacher first.
    combination, equal_time
        What was decided on the way, on inner validation and on measured seconds.
    analyses
        Mirroring → comparison on the test cases.
    unlabelled
        Names of the scans without labels that the distilled students learnt from.
    environment
        ``hardware``, ``software``, ``command``, ``seconds`` of this process.
    """

    config: StudyConfig
    split: Split
    arms: Tuple[ArmOutcome, ...]
    combination: Optional[CombinationChoice]
    equal_time: Tuple[EqualTimeChoice, ...]
    analyses: Mapping[bool, Analysis]
    environment: Mapping[str, Any]
    unlabelled: Tuple[str, ...] = ()

    @property
    def main(self) -> Analysis:
        """The comparison under the first choice of mirroring."""
        return self.analyses[self.config.inference.mirroring[0]]

    def arms_of(self, group: Group) -> List[ArmOutcome]:
        """Return the arms of a group, by seed."""
        wanted = (group.factor, group.method)
        return [arm for arm in self.arms if (arm.trained.arm.factor, arm.trained.arm.method) == wanted]

    def validation_dice(self) -> Dict[Tuple[float, str], float]:
        """Return the inner-validation Dice of every width and method, mean over seeds."""
        return mean_validation_dice(self.arms)

    def recommended(self) -> Dict[float, str]:
        """Return for each width the distilled method with the best inner-validation Dice."""
        scores = {key: score for key, score in self.validation_dice().items() if key[1] not in {PLAIN, EQUAL_TIME}}
        factors = dict.fromkeys(factor for factor, _ in scores)
        return {f: max((key for key in scores if key[0] == f), key=lambda key: scores[key])[1] for f in factors}


def mean_validation_dice(arms: Tuple[ArmOutcome, ...]) -> Dict[Tuple[float, str], float]:
    """Return the inner-validation Dice of every width and method, mean over seeds; losing candidates are left out."""
    found: Dict[Tuple[float, str], List[float]] = {}
    for outcome in arms:
        arm = outcome.trained.arm
        if arm.method is not None:
            found.setdefault((arm.factor, arm.method), []).append(mean_of_means(outcome.validation.matrix("dice")))
    return {key: sum(values) / len(values) for key, values in found.items()}


def make_groups(arms: Tuple[ArmOutcome, ...], mirrored: bool) -> List[Group]:
    """Return the arms' test results by width and method."""
    groups: Dict[Tuple[float, Optional[str]], Dict[int, Dict[str, Any]]] = {}
    for outcome in arms:
        arm, measured = outcome.trained.arm, outcome.test[mirrored]
        results = {metric: measured.matrix(metric) for metric in METRICS}
        groups.setdefault((arm.factor, arm.method), {})[arm.seed] = results
    return [Group(factor, method, seeds) for (factor, method), seeds in groups.items()]
