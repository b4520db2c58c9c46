"""What a radiologist reads of a student."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from KDSegmentatorLib.presentation.card import Card, quality_text, student_card


def estimate(mean: float, n: int = 40) -> dict[str, Any]:
    return {"mean": mean, "interval": [mean - 0.01, mean + 0.01], "n": n, "confidence": 0.95}


def measured(*means: float) -> dict[str, Any]:
    classes = [{"value": value, "dice": estimate(mean)} for value, mean in enumerate(means, start=1)]
    return {"test_set": "40 held-out cases", "method": "bootstrap", "classes": classes}


@pytest.fixture
def document() -> dict[str, Any]:
    return {
        "summary": "Liver and spleen.",
        "modality": "CT",
        "body_part": "Abdomen",
        "intended_use": "Research on portal-venous CT.",
        "research_use_notice": "For research use only.",
        "licence": "CC-BY-4.0",
        "attribution": "A public data set.",
        "classes": [{"value": 1, "name": "Liver"}, {"value": 2, "name": "Spleen"}],
        "provenance": {"dataset": {"name": "Public CT", "licence": "CC BY 4.0"}, "teacher": "Dataset003 ResEnc-L"},
        "inference": {"configuration": "3d_fullres", "mirroring_axes": None, "tile_step_size": 0.5},
        "quality": measured(0.962, 0.941),
        "latency": [{"median_s": 41.3, "task": "512×512×300", "hardware": "two cores", "threads": 2, "n": 72, "engine": "cpu"}],
    }


def card(document: dict[str, Any], **changes: Any) -> Card:
    arguments = {"size_bytes": 1_350_000, "shipped": True, **changes}
    return student_card("abdomen", "1.2.0", document, ["Liver", "Spleen"], **arguments)


def test_the_card_tells_structures_modality_size_quality_latency_and_licence(document: dict[str, Any]) -> None:
    rows = dict(card(document).rows)
    assert rows["Structures"] == "Liver, Spleen"
    assert rows["Made for"] == "CT, Abdomen"
    assert rows["Quality"] == (
        "Dice 0.96 for Liver (95\u00a0% interval 0.95–0.97, n\u00a0=\u00a040); "
        "0.94 for Spleen (95\u00a0% interval 0.93–0.95, n\u00a0=\u00a040)"
    )
    assert rows["Time"] == "40 s for 512×512×300 on two cores, 2 threads (median of 72)"
    assert rows["Licence"] == "CC-BY-4.0"
    assert rows["File"] == "1.4 MB, comes with KDSegmentator"


def test_the_card_tells_how_a_student_is_mirrored_and_whether_islands_go(document: dict[str, Any]) -> None:
    assert {"Mirroring", "Islands"}.isdisjoint(dict(card(document).more))
    document["inference"].update(mirroring_axes=[0, 1], side_exchange={"axis": 2, "classes": [0, 2, 1]}, keep_largest_part=True)
    more = dict(card(document).more)
    assert more["Mirroring"] == "as nnU-Net does, 4 passes; left and right exchanged, twice the passes"
    assert more["Islands"] == "removed: only the largest part is kept"


def test_what_was_not_measured_is_called_so(document: dict[str, Any]) -> None:
    del document["quality"], document["latency"], document["attribution"]
    made = card(document, shipped=False)
    rows, more = dict(made.rows), dict(made.more)
    assert rows["Quality"] == "not measured"
    assert rows["Time"] == "estimated before each run"
    assert rows["File"] == "1.4 MB, added here"
    assert "Attribution" not in more
    assert more["Measured on"] == "nothing yet"


def test_many_structures_show_the_worst_and_the_best() -> None:
    names = {1: "Aorta", 2: "Colon", 3: "Liver", 4: "Spleen"}
    text = quality_text(measured(0.90, 0.61, 0.97, 0.95), names)
    assert text.index("0.61") < text.index("Colon") < text.index("0.97") < text.index("Liver")
    assert "Spleen" not in text


def test_long_lists_of_structures_are_counted() -> None:
    made = student_card(
        "total", "1.0.0", _minimal(), [f"Part {i}" for i in range(1, 119)], size_bytes=24_600_000, shipped=False
    )
    text = dict(made.rows)["Structures"]
    assert text.startswith("118: Part 1, ") and text.endswith("Part 8 and 110 more")


def test_the_teacher_is_named_where_there_was_one(document: dict[str, Any]) -> None:
    assert dict(card(document).more)["Trained on"] == "Public CT (CC BY 4.0); distilled from Dataset003 ResEnc-L"
    document["provenance"]["teacher"] = None
    assert dict(card(document).more)["Trained on"] == "Public CT (CC BY 4.0)"


def test_a_bundle_cannot_bring_markup_into_the_panel(document: dict[str, Any]) -> None:
    document["summary"] = '<img src="file:///secret.png">'
    document["licence"] = "<a href='x'>mine</a> & more"
    html = card(document).html(full=True)
    assert "<img" not in html and "<a " not in html
    assert "&lt;img" in html and "&amp; more" in html


def test_further_lines_come_on_request(document: dict[str, Any]) -> None:
    made = card(document)
    assert "Public CT" not in made.html(full=False)
    assert "Public CT" in made.html(full=True)
    assert "Public CT" in made.plain()


def test_what_a_student_is_not_made_for_is_always_shown(document: dict[str, Any]) -> None:
    document["intended_use"] = "Research on crops. Not made for whole heads."
    assert "Not made for whole heads." in card(document).html(full=False)


@pytest.mark.parametrize(
    ("array", "training_data", "text"),
    [
        ("native", "RAS", "trained on axial slices (voxel axes R, A, S); other volumes may give worse results"),
        ("native", "RIA", "trained on coronal slices (voxel axes R, I, A); other volumes may give worse results"),
        ("native", "ASL", "trained on sagittal slices (voxel axes A, S, L); other volumes may give worse results"),
        ("native", "mixed", "trained on volumes of several orientations"),
        ("native", "unknown", None),
        ("ras", "RAS", None),
    ],
)
def test_the_slices_of_the_training_data_are_told_where_they_matter(
    document: dict[str, Any], array: str, training_data: str, text: Optional[str]
) -> None:
    document["orientation"] = {"array": array, "training_data": training_data}
    assert dict(card(document).rows).get("Orientation") == text


def _minimal() -> dict[str, Any]:
    return {
        "inference": {"mirroring_axes": None},
        "modality": "CT",
        "body_part": "Body",
        "intended_use": "Research.",
        "research_use_notice": "For research use only.",
        "licence": "CC-BY-4.0",
        "classes": [{"value": 1, "name": "Part 1"}],
        "provenance": {"dataset": {"name": "x", "licence": "y"}, "teacher": None},
    }
