"""A student's card: the rows that a person reads before trusting it."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Tuple

from kdseg.student import Student
from kdseg.wording import counted

Rows = List[Tuple[str, str]]


def card(student: Student) -> Rows:
    """Return label and text of every row, in reading order, for a student that was read from a bundle."""
    document = student.document
    rows: Rows = [("Student", f"{student.name} {student.version}")]
    if "summary" in document:
        rows.append(("Summary", document["summary"]))
    rows += [
        ("Intended use", document["intended_use"]),
        ("Notice", document["research_use_notice"]),
        ("Licence", document["licence"]),
    ]
    if "attribution" in document:
        rows.append(("Attribution", document["attribution"]))
    rows += [
        ("Modality", document["modality"]),
        ("Body part", document["body_part"]),
        ("Channels", ", ".join(channel["name"] for channel in document["channels"])),
        ("Classes", ", ".join(f"{entry.value} {entry.name}" for entry in student.entries)),
        ("Orientation", _orientation(document["orientation"])),
        *_network(student, document),
        *_provenance(document["provenance"]),
        *_quality(student, document.get("quality")),
        *_latency(document.get("latency", [])),
        ("Export drift", _drift(document["export"]["drift"])),
        ("File SHA-256", student.digest),
        ("Model SHA-256", student.model_sha256),
    ]
    return rows


def _orientation(orientation: Mapping[str, Any]) -> str:
    array = "reoriented to RAS" if orientation["array"] == "ras" else "axes of the file"
    return f"{array}; training data {orientation['training_data']}"


def _network(student: Student, document: Mapping[str, Any]) -> Rows:
    plan = student.plan
    spacing = " × ".join(f"{s:g}" for s in plan.spacing_mm)
    patch = " × ".join(str(n) for n in plan.patch_size)
    return [
        ("Network", f"{plan.network_class}, {plan.configuration}, patch {patch} at {spacing} mm"),
        ("Parameters", f"{document['parameters']:,} (capacity ×{document['capacity']})"),
        ("Mirroring", _mirroring(student)),
        *([("Islands", "only the largest connected part is kept")] if student.keep_largest_part else []),
    ]


def _mirroring(student: Student) -> str:
    axes = student.mirroring_axes
    ways = [] if axes is None else ["axes " + ", ".join(str(a) for a in axes)]
    if student.side_exchange is not None:
        ways.append("from left to right, the classes of the sides exchanged")
    return "; ".join(ways) or "off"


def _provenance(provenance: Mapping[str, Any]) -> Rows:
    dataset: Dict[str, Any] = provenance["dataset"]
    cases = f", {dataset['training_cases']} cases" if "training_cases" in dataset else ""
    distillation, initial = provenance["distillation"], provenance.get("initial_weights")
    return [
        ("Training data", f"{dataset['name']}{cases}, {dataset['licence']}"),
        ("Teacher", provenance["teacher"] or "none"),
        ("Distillation", "none" if distillation is None else distillation["method"]),
        *([] if initial is None else [("Training began with", initial)]),
        ("Software", ", ".join(f"{name} {version}" for name, version in provenance["software"].items())),
    ]


def _quality(student: Student, quality: Any) -> Rows:
    if quality is None:
        return [("Quality", "not measured")]
    names = {entry.value: entry.name for entry in student.entries}
    rows: Rows = [("Quality", f"{quality['test_set']}; {quality['method']}")]
    for entry in quality["classes"]:
        tolerance = f" at {entry['nsd_tolerance_mm']:g} mm" if "nsd_tolerance_mm" in entry else ""
        text = (
            f"Dice {_estimate(entry['dice'])}; NSD{tolerance} {_estimate(entry['nsd'])}; "
            f"HD95 {_estimate(entry['hd95_mm'])} mm; n = {entry['dice']['n']}"
        )
        rows.append((f"  {names[int(entry['value'])]}", text))
    return rows


def _estimate(value: Mapping[str, Any]) -> str:
    low, high = value["interval"]
    return f"{value['mean']:.3f} ({value['confidence']:.0%} interval {low:.3f} to {high:.3f})"


def _latency(entries: Any) -> Rows:
    if not entries:
        return [("Latency", "not measured")]
    return [
        (
            "Latency",
            f"{e['median_s']:.3g} s median of {e['n']}, {e['task']}, {e['engine']}, "
            f"{counted(e['threads'], 'thread')}, {e['hardware']}",
        )
        for e in entries
    ]


def _drift(entries: Any) -> str:
    worst = max(entry["max_abs_logit"] for entry in entries)
    decided = sum(entry["decided"] for entry in entries)
    return f"at most {worst:.1e} in the logits against torch; {decided:,} clear decisions, all equal"
