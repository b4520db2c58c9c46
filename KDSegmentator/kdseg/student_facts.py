"""What a bundle says that decides between students: which belong together, how good and how fast each was measured."""

from __future__ import annotations

from statistics import fmean
from typing import Any, Mapping, Optional, Sequence, Tuple

from kdseg.choosing import Figure
from kdseg.wording import counted

Document = Mapping[str, Any]
"""``bundle.json`` as data, checked by :mod:`kdseg.bundle`."""


def quality_figure(document: Document) -> Optional[Figure]:
    """Return the mean over the classes of the mean Dice over the test cases; None where quality was not measured."""
    quality = document.get("quality")
    if not quality:
        return None
    count = len(quality["classes"])
    source = f"mean over {count} {'class' if count == 1 else 'classes'}, {quality['test_set']}"
    return Figure(
        fmean(entry["dice"]["mean"] for entry in quality["classes"]), source, f"{quality['test_set']} | {quality['method']}"
    )


def latency_figure(document: Document, cpu_model: Optional[str] = None) -> Optional[Figure]:
    """Return the median seconds for a case that the bundle states; None where it states none.

    Parameters
    ----------
    document
        Of the student.
    cpu_model
        This computer's processor: an entry that names it comes before the others.
    """
    entry = _latency_entry(document, cpu_model)
    return None if entry is None else Figure(entry["median_s"], _stated(entry), _stated(entry))


def memory_figure(document: Document, cpu_model: Optional[str] = None) -> Optional[Figure]:
    """Return the peak memory in bytes that the bundle states beside its latency; None where it states none."""
    entry = _latency_entry(document, cpu_model)
    if entry is None or "peak_rss_bytes" not in entry:
        return None
    return Figure(entry["peak_rss_bytes"], _stated(entry), _stated(entry))


def family_of(document: Document, others: Sequence[Document]) -> Tuple[int, ...]:
    """Return the positions in ``others`` of the documents that are of one family with ``document``.

    A family has the same training data, input channels and classes, and at most one teacher. Students without a teacher (the
    teacher's own bundle, or a small network that was trained alone) belong to it, unless several teachers make it unclear
    which family they would belong to.
    """
    alike = [(index, _teacher(other)) for index, other in enumerate(others) if _task(other) == _task(document)]
    own = _teacher(document)
    teachers = {teacher for _index, teacher in alike if teacher is not None} | ({own} - {None})
    if len(teachers) > 1:
        return tuple(index for index, teacher in alike if teacher == own)
    return tuple(index for index, _teacher_or_none in alike)


def _task(document: Document) -> Tuple[Any, ...]:
    channels = tuple(channel["name"] for channel in document["channels"])
    classes = tuple(sorted((int(entry["value"]), entry["name"]) for entry in document["classes"]))
    return document["provenance"]["dataset"]["name"], document["modality"], channels, classes


def _teacher(document: Document) -> Optional[str]:
    teacher: Optional[str] = document["provenance"]["teacher"]
    return teacher


def _latency_entry(document: Document, cpu_model: Optional[str]) -> Optional[Mapping[str, Any]]:
    entries: Sequence[Mapping[str, Any]] = document.get("latency") or ()
    here = [entry for entry in entries if cpu_model and cpu_model in entry["hardware"]]
    return next(iter([*here, *entries]), None)


def _stated(entry: Mapping[str, Any]) -> str:
    threads = counted(entry["threads"], "thread")
    return f"stated by its author for {entry['task']} on {entry['hardware']}, {entry['engine']}, {threads}"
