"""A student's card: what a radiologist reads before choosing it."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any, Iterable, List, Mapping, Optional, Sequence, Tuple

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.quantities import count_text, duration_text, file_size_text

NAMES_ON_CARD = 8
"""Structures that a card names before it only counts the rest."""

FULL_QUALITY = 3
"""Structures whose quality a card tells one by one; of more it tells the worst and the best."""


@dataclass(frozen=True)
class Card:
    """Texts of one student, in reading order.

    Attributes
    ----------
    title
        Name and version, for the list to choose from.
    summary
        One sentence; empty where the bundle has none.
    rows
        Label and text of the lines that are always shown.
    more
        Further lines, shown on request.
    notice
        The research-use notice.
    """

    title: str
    summary: str
    rows: Tuple[Tuple[str, str], ...]
    more: Tuple[Tuple[str, str], ...]
    notice: str

    def plain(self) -> str:
        """Return the card as plain text, one line for each row."""
        rows = [f"{label}: {text}" for label, text in self.rows + self.more]
        return "\n".join(line for line in [self.title, self.summary, *rows, self.notice] if line)

    def html(self, *, full: bool) -> str:
        """Return the card as rich text, with or without the further lines.

        Whatever the bundle says is escaped, so that it shows as text and loads nothing.
        """
        rows = "".join(
            f'<tr><td style="padding-right: 8px;"><i>{escape(label)}</i></td><td>{escape(text)}</td></tr>'
            for label, text in (self.rows + self.more if full else self.rows)
        )
        summary = f"<p style='margin-top: 0;'>{escape(self.summary)}</p>" if self.summary else ""
        return f"{summary}<table cellspacing='0' cellpadding='1'>{rows}</table>"


def student_title(name: str, version: str) -> str:
    """Return what the list of students shows for one student."""
    return f"{name} {version}"


def student_card(
    name: str, version: str, document: Mapping[str, Any], structures: Sequence[str], *, size_bytes: int, shipped: bool
) -> Card:
    """Return the card of a student.

    Parameters
    ----------
    name, version
        Of the student.
    document
        ``bundle.json`` as data; checked when the student was installed.
    structures
        Names of the structures, in the order of their labels.
    size_bytes
        Size of the bundle.
    shipped
        Whether it came with the extension.
    """
    origin = _("comes with KDSegmentator") if shipped else _("added here")
    quality = document.get("quality")
    rows = (
        (_("Structures"), structures_text(structures)),
        (_("Made for"), f"{document['modality']}, {document['body_part']}"),
        (_("Use and limits"), document["intended_use"]),
        (_("Orientation"), orientation_text(document.get("orientation", {}))),
        (_("Quality"), quality_text(quality, dict(_values(document)))),
        (_("Time"), latency_text(document.get("latency", ()))),
        (_("Licence"), document["licence"]),
        (_("File"), _("{size}, {origin}").format(size=file_size_text(size_bytes), origin=origin)),
    )
    more = (
        (_("Trained on"), training_text(document["provenance"])),
        (_("Measured on"), quality["test_set"] if quality else _("nothing yet")),
        (_("Attribution"), document.get("attribution", "")),
        (_("Mirroring"), mirroring_text(document["inference"])),
        (_("Islands"), _("removed: only the largest part is kept") if document["inference"].get("keep_largest_part") else ""),
    )
    return Card(
        title=student_title(name, version),
        summary=document.get("summary", ""),
        rows=tuple((label, text) for label, text in rows if text),
        more=tuple((label, text) for label, text in more if text),
        notice=document["research_use_notice"],
    )


def mirroring_text(inference: Mapping[str, Any]) -> str:
    """Return what *Average mirrored passes* does with a student; empty where it does nothing."""
    ways = []
    if inference["mirroring_axes"]:
        ways.append(_("as nnU-Net does, {count} passes").format(count=2 ** len(inference["mirroring_axes"])))
    if "side_exchange" in inference:
        ways.append(_("left and right exchanged, twice the passes"))
    return "; ".join(ways)


def orientation_text(orientation: Mapping[str, str]) -> str:
    """Return the slices that the training data had; empty where that is not known or makes no difference."""
    code = orientation.get("training_data", "")
    if orientation.get("array") != "native" or code in ("", "unknown"):
        return ""
    if code == "mixed":
        return _("trained on volumes of several orientations")
    planes = {"S": _("axial"), "I": _("axial"), "A": _("coronal"), "P": _("coronal"), "R": _("sagittal"), "L": _("sagittal")}
    return _("trained on {plane} slices (voxel axes {code}); other volumes may give worse results").format(
        plane=planes[code[2]], code=", ".join(code)
    )


def training_text(provenance: Mapping[str, Any]) -> str:
    """Return the data set, and the teacher where there was one."""
    dataset, teacher = provenance["dataset"], provenance["teacher"]
    text = f"{dataset['name']} ({dataset['licence']})"
    return text if teacher is None else _("{dataset}; distilled from {teacher}").format(dataset=text, teacher=teacher)


def structures_text(names: Sequence[str]) -> str:
    """Return the names of the structures; of many, their number and the first ones."""
    shown = ", ".join(names[:NAMES_ON_CARD])
    rest = len(names) - NAMES_ON_CARD
    return shown if rest <= 0 else _("{total}: {names} and {count} more").format(total=len(names), names=shown, count=rest)


def quality_text(quality: Optional[Mapping[str, Any]], names: Mapping[int, str]) -> str:
    """Return the measured Dice with its interval and number of cases; with many structures the worst and the best one."""
    if quality is None:
        return _("not measured")
    measured = quality["classes"]
    ranked = sorted(measured, key=lambda entry: entry["dice"]["mean"])
    chosen = measured if len(measured) <= FULL_QUALITY else [ranked[0], ranked[-1]]
    texts = [_dice_text(entry["dice"], names[int(entry["value"])]) for entry in chosen]
    if len(measured) > FULL_QUALITY:
        return _("Dice from {worst} to {best}").format(worst=texts[0], best=texts[1])
    return _("Dice {estimates}").format(estimates="; ".join(texts))


def latency_text(entries: Iterable[Mapping[str, Any]]) -> str:
    """Return the first measured latency with the computer it was measured on."""
    texts: List[str] = [
        _("{duration} for {task} on {hardware}, {threads} (median of {n})").format(
            duration=duration_text(entry["median_s"]),
            task=entry["task"],
            hardware=entry["hardware"],
            threads=count_text(entry["threads"], _("1 thread"), _("{count} threads")),
            n=entry["n"],
        )
        for entry in entries
    ]
    return texts[0] if texts else _("estimated before each run")


def _dice_text(dice: Mapping[str, Any], name: str) -> str:
    low, high = dice["interval"]
    return _("{mean} for {name} ({confidence}\u00a0% interval {low}–{high}, n\u00a0=\u00a0{n})").format(
        mean=f"{dice['mean']:.2f}",
        name=name,
        confidence=f"{100 * dice['confidence']:.0f}",
        low=f"{low:.2f}",
        high=f"{high:.2f}",
        n=dice["n"],
    )


def _values(document: Mapping[str, Any]) -> Iterable[Tuple[int, str]]:
    return ((int(entry["value"]), entry["name"]) for entry in document["classes"])
