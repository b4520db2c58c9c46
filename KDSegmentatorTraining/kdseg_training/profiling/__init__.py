"""Profiles: what students, and the stock nnU-Net they come from, cost on this machine."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from kdseg_training.profiling.profiler import ProfileProgress, profile
    from kdseg_training.profiling.request import ProfileRequest, StudentSubject, SyntheticVolume, TeacherSubject
    from kdseg_training.profiling.results import MachinePeak, Profile, ProfileSettings, VolumeFacts
    from kdseg_training.profiling.runs import Measurement, MemorySource, ProfileRun, RunLoad, StageCost
    from kdseg_training.profiling.statistics import Distribution, Quantile
    from kdseg_training.profiling.subjects import Quality, SubjectKind, SubjectProfile

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "profiler": ["ProfileProgress", "profile"],
        "request": ["ProfileRequest", "StudentSubject", "SyntheticVolume", "TeacherSubject"],
        "results": ["MachinePeak", "Profile", "ProfileSettings", "VolumeFacts"],
        "runs": ["Measurement", "MemorySource", "ProfileRun", "RunLoad", "StageCost"],
        "statistics": ["Distribution", "Quantile"],
        "subjects": ["Quality", "SubjectKind", "SubjectProfile"],
    },
)

__all__ = [
    "Distribution",
    "MachinePeak",
    "Measurement",
    "MemorySource",
    "Profile",
    "ProfileProgress",
    "ProfileRequest",
    "ProfileRun",
    "ProfileSettings",
    "Quality",
    "Quantile",
    "RunLoad",
    "StageCost",
    "StudentSubject",
    "SubjectKind",
    "SubjectProfile",
    "SyntheticVolume",
    "TeacherSubject",
    "VolumeFacts",
    "profile",
]
