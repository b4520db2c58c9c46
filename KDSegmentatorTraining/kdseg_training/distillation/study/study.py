"""Run a study: train, choose on the inner validation, predict the test once, compare, report."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from kdseg.errors import ConfigurationError
from kdseg.hardware import describe_hardware
from kdseg.limits import available_cpus
from kdseg_training.distillation.family import channels_and_heads, count_parameters
from kdseg_training.distillation.study.analysis import analyse, mean_of_means
from kdseg_training.distillation.study.arms import StudyArm, candidate_arms, combination_arms, equal_time_arm, fixed_arms
from kdseg_training.distillation.study.config import PLAIN, StudyConfig
from kdseg_training.distillation.study.inference import dataset_files
from kdseg_training.distillation.study.measurement import CaseSet, Measurements
from kdseg_training.distillation.study.outcome import (
    ArmOutcome,
    CombinationChoice,
    EqualTimeChoice,
    Outcome,
    make_groups,
)
from kdseg_training.distillation.study.quality import write_quality
from kdseg_training.distillation.study.report.files import ReportFiles
from kdseg_training.distillation.study.split import Split, check_split, check_unlabelled, read_split
from kdseg_training.distillation.study.trained import TrainedArm
from kdseg_training.distillation.study.training import Trainings
from kdseg_training.distillation.training.devices import choose_device
from kdseg_training.distillation.training.display import Display, Silent
from kdseg_training.distillation.training.output import device_name, software
from kdseg_training.export.model_folder import open_model_folder

RAW = "nnUNet_raw"
"""nnU-Net's environment variable."""

FOLDERS = {"test": ("imagesTs", "labelsTs"), "validation": ("imagesTr", "labelsTr")}
"""Where the raw data set has the images and labels of a set."""


def run_study(
    config: StudyConfig,
    *,
    validation_only: bool = False,
    force: bool = False,
    display: Callable[[], Display] = Silent,
    stop: Callable[[], bool] = lambda: False,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Run a study, or what is left of it: finished arms are not trained, measured sets not predicted again.

    Parameters
    ----------
    config
        See :func:`kdseg_training.distillation.study.config.read_study`.
    validation_only
        Stop before the test cases are touched; nothing is reported.
    force
        Replace a report that was made with other settings or by other networks; the new one says so.
    display, stop, say
        As for a run; ``display`` makes one for each family of arms.

    Raises
    ------
    ConfigurationError, TrainingError
        If something does not fit together, or a training fails; what is finished stays.
    OutputError
        If there is a report of other settings and ``force`` is not given.
    Cancelled
        If ``stop`` said so; start it again to continue.
    """
    began = time.perf_counter()
    report = ReportFiles(config.report)
    split = read_split(config.split)
    if not validation_only:
        report.require_free(config, split, force=force)
    trainings = Trainings(config, display=display, stop=stop, say=say)
    check_split(split, trainings.data.folder, config.fold)
    unlabelled = trainings.unlabelled()
    if unlabelled is not None:
        check_unlabelled(split, unlabelled)
    sets = _case_sets(config, split, trainings)
    measurements = Measurements(
        trainings.results / f"study_{config.name}",
        predictor=config.inference.predictor,
        device=str(choose_device(config.device)),
        threads=config.threads or available_cpus(),
        tolerance_mm=config.statistics.tolerance_mm,
        stop=stop,
        say=say,
    )
    study = _Study(config, trainings, measurements, sets)
    trained = study.train()
    arms = tuple(study.outcome(arm, with_test=not validation_only) for arm in trained)
    analyses = {}
    if not validation_only:
        for mirrored in config.inference.mirroring:
            analyses[mirrored] = analyse(config, make_groups(arms, mirrored), arms[0].test[mirrored].classes)
    environment = _environment(config, time.perf_counter() - began)
    names = () if unlabelled is None else unlabelled.names
    result = Outcome(config, split, arms, study.combination, tuple(study.equal_time), analyses, environment, names)
    if not validation_only:
        report.write(result, force=force)
        write_quality(result)
        say(f"Wrote {config.report}")
    return result


class _Study:
    """Trains in the order in which decisions need it."""

    def __init__(self, config: StudyConfig, trainings: Trainings, measurements: Measurements, sets: Dict[str, CaseSet]) -> None:
        self._config, self._trainings, self._measurements, self._sets = config, trainings, measurements, sets
        self.combination: Optional[CombinationChoice] = None
        self.equal_time: List[EqualTimeChoice] = []

    def train(self) -> List[TrainedArm]:
        """Return all arms, trained: the teacher, then the students by width and method."""
        teacher = self._trainings.teacher()
        students: List[StudyArm] = fixed_arms(self._config)
        candidates = candidate_arms(self._config)
        if candidates:
            first = [arm for arm in students if arm.seed == candidates[0].seed]
            self._trainings.train([*first, *candidates])
            self.combination = self._choose(self._trainings.train(candidates))
            students += combination_arms(self._config, self.combination.chosen)
        self._trainings.train(students)
        for entry in self._config.equal_time:
            choice = self._equal_time(students, entry.factor, entry.like, entry.seeds[0])
            self.equal_time.append(choice)
            students += [equal_time_arm(self._config, entry.factor, seed, choice.epochs) for seed in entry.seeds]
        factors = [group.factor for group in self._config.students]
        students.sort(key=lambda arm: factors.index(arm.factor))
        return [teacher, *self._trainings.train(students)]

    def outcome(self, trained: TrainedArm, *, with_test: bool) -> ArmOutcome:
        """Measure an arm."""
        mirroring = self._config.inference.mirroring
        validation = self._measurements.measure(trained, self._sets["validation"], mirroring[:1])[mirroring[0]]
        test = self._measurements.measure(trained, self._sets["test"], mirroring) if with_test else {}
        sha256 = hashlib.sha256(trained.checkpoint_path.read_bytes()).hexdigest()
        return ArmOutcome(trained, _parameters(trained), sha256, validation, test)

    def _choose(self, candidates: Sequence[TrainedArm]) -> CombinationChoice:
        mirroring = self._config.inference.mirroring[:1]
        scores: Dict[str, float] = {}
        for trained in candidates:
            measured = self._measurements.measure(trained, self._sets["validation"], mirroring)[mirroring[0]]
            scores[str(trained.arm.candidate)] = mean_of_means(measured.matrix("dice"))
        return CombinationChoice(scores, max(scores, key=lambda name: scores[name]))

    def _equal_time(self, students: Sequence[StudyArm], factor: float, like: str, seed: int) -> EqualTimeChoice:
        seconds = {}
        for method in (PLAIN, like):
            arm = next(a for a in students if (a.factor, a.method, a.seed) == (factor, method, seed))
            (trained,) = self._trainings.train([arm])
            measured = trained.seconds_per_step
            if measured is None:
                raise ConfigurationError(
                    "An arm's seconds per step are not known.",
                    expected="seconds in its training.json",
                    path=trained.model_folder,
                )
            seconds[method] = measured
        epochs = max(1, round(self._config.budget.epochs * seconds[like] / seconds[PLAIN]))
        return EqualTimeChoice(factor, like, seconds[PLAIN], seconds[like], epochs)


def _case_sets(config: StudyConfig, split: Split, trainings: Trainings) -> Dict[str, CaseSet]:
    root = config.raw or (Path(os.environ[RAW]) if os.environ.get(RAW) else None)
    if root is None:
        raise ConfigurationError("It is not said where raw data are.", expected=f"raw: a folder, or {RAW}", path=config.source)
    channels, ending = dataset_files(trainings.data.description)
    sets = {}
    for name, (images, labels) in FOLDERS.items():
        folder = root / trainings.data.name
        cases: Tuple[str, ...] = getattr(split, name)
        sets[name] = CaseSet(name, cases, folder / images, folder / labels, channels, ending)
        sets[name].require()
    return sets


def _parameters(trained: TrainedArm) -> int:
    known = trained.report.get("parameters")
    if isinstance(known, int):
        return known
    files = open_model_folder(trained.model_folder, trained.fold, trained.checkpoint)
    channels, heads = channels_and_heads(files.plans, trained.configuration, files.dataset)
    return count_parameters(files.plans, trained.configuration, channels, heads)  # a state_dict names some of them twice


def _environment(config: StudyConfig, seconds: float) -> Dict[str, Any]:
    device = choose_device(config.device)
    hardware = describe_hardware()
    return {
        "hardware": {**hardware.as_dict(), "device": device_name(device) if device.type == "cuda" else "CPU"},
        "threads": config.threads or available_cpus(),
        "software": software(),
        "command": f"kdseg-training study {config.source.name if config.source.is_absolute() else config.source.as_posix()}",
        "seconds_of_this_process": seconds,
    }
