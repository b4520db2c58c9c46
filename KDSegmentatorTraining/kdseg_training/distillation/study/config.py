"""The YAML file that describes a study: read as data, checked whole before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Dict, List, Literal, Optional, Union

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from kdseg_training.distillation.config import ArmName, Budget, Device, Fold, StudentSettings, TeacherSettings, digest
from kdseg_training.distillation.config_file import read_settings
from kdseg_training.distillation.config_words import like
from kdseg_training.distillation.extras_config import SoftLabelSettings, UnlabelledSettings
from kdseg_training.distillation.loss_config import DistillationSpec, LossSpec, Method, method_losses
from kdseg_training.metrics.bootstrap import DEFAULT_RESAMPLES

Factor = Annotated[float, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
MethodName = Annotated[
    str,
    Field(max_length=24),
    like(r"[A-Za-z0-9](?:_?[A-Za-z0-9+-])*", "letters, digits, + and -, with single _ between them"),
]
Margin = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, le=2)]
MetricName = Literal["dice", "nsd", "hd95_mm"]

PLAIN, COMBINATION, EQUAL_TIME = "plain", "best", "plain_equal_time"
"""Names of the arms that every study may have besides its methods."""


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)


class MethodSettings(_Settings):
    """How one arm is distilled: losses of methods, single ones, or both; equal ones count once.

    Attributes
    ----------
    methods
        Published methods whose losses are put together.
    losses
        Further ones.
    """

    methods: List[Method] = []
    losses: List[LossSpec] = []

    @model_validator(mode="after")
    def _check(self) -> MethodSettings:
        DistillationSpec(losses=self.specs)
        return self

    @property
    def specs(self) -> List[LossSpec]:
        """All losses, each once."""
        found: List[LossSpec] = []
        for spec in [*(spec for method in self.methods for spec in method_losses(method)), *self.losses]:
            if spec not in found:
                found.append(spec)
        return found

    def of_student(self) -> Dict[str, Any]:
        """Return the keys of a student in the file of a run; one method alone keeps its name."""
        if len(self.methods) == 1 and not self.losses:
            return {"method": self.methods[0]}
        return {"losses": self.specs}


class TeacherArm(_Settings):
    """The teacher: trained by the same trainer with the study's budget, or given.

    Attributes
    ----------
    name, seed
        Of the arm, if it is trained here; one that stands finished or half finished in the results is adopted.
    model_folder, fold, checkpoint
        A given teacher, which is not trained.
    require_same_budget
        Refuse a given teacher whose checkpoint does not say that it had the study's budget and data.
    mirroring
        Whether the students learn from its mean over the mirrored copies of every patch, or of whole scans.
    soft_labels
        Run it once over whole scans and learn from what it said; the methods then compare logits only.
    """

    name: ArmName = "teacher"
    seed: Seed = 0
    model_folder: Optional[Path] = None
    fold: Fold = 0
    checkpoint: str = "checkpoint_final.pth"
    require_same_budget: bool = True
    mirroring: bool = False
    soft_labels: Optional[SoftLabelSettings] = None

    def for_run(self, folder: Path, fold: Fold) -> TeacherSettings:
        """Return the teacher's section of a run's settings."""
        checkpoint = self.checkpoint if self.model_folder is not None else "checkpoint_final.pth"
        return TeacherSettings(
            model_folder=folder,
            folds=[fold if self.model_folder is None else self.fold],
            checkpoint=checkpoint,
            mirroring=self.mirroring,
            soft_labels=self.soft_labels,
        )


class Students(_Settings):
    """Students of one width: one for each method and seed."""

    factor: Factor
    seeds: List[Seed] = Field(default=[0], min_length=1)
    floor: int = Field(default=4, ge=1)


class Combination(_Settings):
    """Candidates of which the one with the best inner-validation Dice becomes the arm ``best``.

    Attributes
    ----------
    candidates
        Name → losses.
    factor, seed
        Of the students that are compared; one of the study's widths and seeds.
    """

    candidates: Dict[MethodName, MethodSettings] = Field(min_length=1)
    factor: Factor
    seed: Seed = 0


class EqualTime(_Settings):
    """A plain student that trains as long, on the clock, as a distilled one: its epochs are scaled by the measured seconds."""

    factor: Factor
    like: MethodName
    seeds: List[Seed] = Field(default=[0], min_length=1)


class Inference(_Settings):
    """How cases are predicted.

    Attributes
    ----------
    predictor
        ``kdseg``: the workstation's own pipeline on the exported bundle; ``nnunet``: stock ``nnUNetPredictor``.
    mirroring
        Test-time mirroring, on or off or both; the first is the study's main result, the other a section of its own.
    """

    predictor: Literal["kdseg", "nnunet"] = "kdseg"
    mirroring: List[bool] = Field(default=[True, False], min_length=1, max_length=2)

    @model_validator(mode="after")
    def _check(self) -> Inference:
        if len(set(self.mirroring)) != len(self.mirroring):
            raise ValueError("mirroring is listed twice")
        return self


class Statistics(_Settings):
    """What is measured and claimed; set before the run.

    Attributes
    ----------
    tolerance_mm
        Of the NSD.
    resamples, seed
        Of the bootstrap over cases.
    margins
        Metric → the loss against the teacher that still counts as not inferior, in units of the metric.
    aims
        What was aimed at: ``retention`` and ``recovery``, metric → share, and the factor they are for.
    """

    tolerance_mm: float = Field(default=1.0, gt=0)
    resamples: int = Field(default=DEFAULT_RESAMPLES, ge=100)
    seed: int = Field(default=0, ge=0)
    margins: Dict[MetricName, Margin]
    aims: Optional[Aims] = None


class Aims(_Settings):
    """Shares to be reached by students of one width."""

    factor: Factor
    retention: Dict[MetricName, Share] = {}
    recovery: Dict[MetricName, Share] = {}


Statistics.model_rebuild()


class StudyConfig(_Settings):
    """A study; keys that it shares with ``kdseg-training distill`` mean the same there.

    Attributes
    ----------
    name
        Of the study's working folder, ``<results>/<data set>/study_<name>``.
    title
        Of the report.
    split
        JSON file with the names of the cases: ``test``, which are never used for choosing, ``train`` and ``validation``.
    raw
        nnU-Net's folder of raw data; None: ``nnUNet_raw``. Test cases are in ``imagesTs`` and ``labelsTs``.
    budget
        The same for every arm but those of equal time.
    unlabelled
        Scans without labels for the distilled arms; plain ones see the labelled part of the same batches alone.
    methods
        Name → how that arm is distilled; ``plain`` is always there.
    report
        Markdown file; tables, pictures and data lie in a folder of its name beside it.
    """

    GUIDE: ClassVar[str] = "docs/study.md"

    name: ArmName
    title: str = "Distillation study"
    dataset: Union[str, int]
    configuration: str = "3d_fullres"
    plans: str = "nnUNetPlans"
    fold: Fold = 0
    split: Path
    raw: Optional[Path] = None
    preprocessed: Optional[Path] = None
    results: Optional[Path] = None
    budget: Budget = Budget()
    unlabelled: Optional[UnlabelledSettings] = None
    teacher: TeacherArm = TeacherArm()
    methods: Dict[MethodName, MethodSettings] = Field(min_length=1)
    combination: Optional[Combination] = None
    students: List[Students] = Field(min_length=1)
    equal_time: List[EqualTime] = []
    inference: Inference = Inference()
    statistics: Statistics
    report: Path
    device: Device = "auto"
    precision: Literal["auto", "fp32", "fp16", "bf16"] = "auto"
    workers: Optional[int] = Field(default=None, ge=0)
    threads: Optional[int] = Field(default=None, ge=1)
    checkpoint_every: Optional[int] = Field(default=None, ge=1)
    tensorboard: bool = False

    _source: Path = PrivateAttr(default=Path("study.yaml"))

    @property
    def source(self) -> Path:
        """The file it was read from."""
        return self._source

    @model_validator(mode="after")
    def _fits_together(self) -> StudyConfig:
        factors = [group.factor for group in self.students]
        _refuse_twice("students: factor", factors)
        reserved = {PLAIN, COMBINATION, EQUAL_TIME}
        candidates = {} if self.combination is None else self.combination.candidates
        taken = sorted((reserved | set(self.methods)) & set(candidates) | (reserved & set(self.methods)))
        if taken:
            raise ValueError(f"these names are taken: {', '.join(taken)}")
        if any(self.teacher.name.startswith(f"x{factor:g}_") for factor in factors):
            raise ValueError(f"teacher: name {self.teacher.name} reads like a student's")
        if self.combination is not None:
            self._require_student("combination", self.combination.factor, [self.combination.seed])
        known = {*self.methods, *([COMBINATION] if candidates else [])}
        for entry in self.equal_time:
            self._require_student("equal_time", entry.factor, entry.seeds)
            if entry.like not in known:
                raise ValueError(f"equal_time: like {entry.like} is none of {', '.join(sorted(known))}")
        _refuse_twice("equal_time: factor", [entry.factor for entry in self.equal_time])
        if self.unlabelled is not None and self.unlabelled.minimum_confidence is not None:
            raise ValueError("unlabelled.minimum_confidence is measured with soft labels, which a study does not use")
        if self.unlabelled is not None and self.teacher.model_folder is None:
            raise ValueError(
                "unlabelled: expected a given teacher (teacher.model_folder), since one that is trained on the study's own "
                "labelled cases knows no more than its students"
            )
        if self.statistics.aims is not None:
            self._require_student("statistics.aims", self.statistics.aims.factor, [])
        return self

    def _require_student(self, key: str, factor: float, seeds: List[int]) -> None:
        group = next((group for group in self.students if group.factor == factor), None)
        if group is None or not set(seeds) <= set(group.seeds):
            raise ValueError(f"{key}: no student has factor {factor:g} and seeds {seeds}")

    def digest(self) -> str:
        """Return the sha256 of all that decides the report's numbers, wherever it lies; split and networks have digests too."""
        machine = {"raw", "preprocessed", "results", "report", "workers", "threads", "checkpoint_every", "tensorboard", "title"}
        deciding = self.model_dump(mode="json", exclude=machine | {"split", "unlabelled"})
        deciding["teacher"]["model_folder"] = self.teacher.model_folder is not None
        if self.teacher.soft_labels is None:
            del deciding["teacher"]["soft_labels"]
        else:
            del deciding["teacher"]["soft_labels"]["folder"]
        deciding["budget"]["learning_rate"] = self.budget.initial_rate
        if self.budget.optimizer == "sgd":  # what every study had before there was a choice
            del deciding["budget"]["optimizer"]
        if self.unlabelled is not None:
            deciding["unlabelled"] = self.unlabelled.model_dump(mode="json", include={"names", "share"})
        return digest(deciding)


def _refuse_twice(what: str, values: List[Any]) -> None:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"{what} stands twice: {', '.join(map(str, twice))}")


def student_settings(name: str, group: Students, method: Optional[MethodSettings]) -> StudentSettings:
    """Return the student of a run for one arm; ``method`` None: plain."""
    keys = {} if method is None else method.of_student()
    return StudentSettings(name=name, factor=group.factor, floor=group.floor, **keys)


def read_study(path: Path) -> StudyConfig:
    """Read and check a study's file; relative paths in it start at its folder.

    Raises
    ------
    ConfigurationError
        If it is missing, not YAML, or a key is missing, unknown or not allowed; the message names every such key.
    """
    path = Path(path)
    config = read_settings(path, StudyConfig)
    folder = path.resolve().parent
    changed: Dict[str, Any] = {"split": folder / config.split, "report": folder / config.report}
    for key in ("raw", "preprocessed", "results"):
        value: Optional[Path] = getattr(config, key)
        if value is not None:
            changed[key] = folder / value
    if config.unlabelled is not None:
        changed["unlabelled"] = config.unlabelled.within(folder)
    teacher: Dict[str, Any] = {}
    if config.teacher.model_folder is not None:
        teacher["model_folder"] = folder / config.teacher.model_folder
    if config.teacher.soft_labels is not None:
        soft_labels = config.teacher.soft_labels
        teacher["soft_labels"] = soft_labels.model_copy(update={"folder": folder / soft_labels.folder})
    changed["teacher"] = config.teacher.model_copy(update=teacher)
    result = config.model_copy(update=changed)
    result._source = path
    return result
