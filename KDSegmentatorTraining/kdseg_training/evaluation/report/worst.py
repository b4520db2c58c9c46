"""The worst cases, each with a picture of its largest error."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

import numpy.typing as npt

from kdseg.errors import KDSegError
from kdseg.segmentation import Segmentation
from kdseg_training.evaluation.cases import Pair
from kdseg_training.evaluation.cells import number
from kdseg_training.evaluation.compared_metrics import compared_metrics, is_larger_better, metric_heading
from kdseg_training.evaluation.measure import read_pair
from kdseg_training.evaluation.report.images import Images
from kdseg_training.evaluation.report.markup import Content, Markup, name, notice, paragraph, picture, plain, section, tag
from kdseg_training.evaluation.report.pictures import draw_error
from kdseg_training.evaluation.report.worst_cases import WORST_BY_DISTANCE, WORST_BY_OVERLAP, WorstCase, worst_cases
from kdseg_training.evaluation.results import Evaluation, ModelResult
from kdseg_training.evaluation.settings import EvaluationSettings
from kdseg_training.evaluation.structures import counted, structure_mask
from kdseg_training.evaluation.worst_place import REFERENCE, Place, largest_error_of_masks
from kdseg_training.metrics import Status


def worst_section(evaluation: Evaluation, images: Images) -> Markup:
    """Return the worst cases of every model."""
    key = tag(
        "p",
        tag("span", tag("span", class_="swatch reference-line"), "reference (solid, blue)", class_="key"),
        tag("span", tag("span", class_="swatch prediction-line"), "prediction (dashed, orange)", class_="key"),
        tag("span", "The cross points at the place of the largest error.", class_="key"),
        tag("span", "Thin grey: the whole reference in projection, where the plane does not meet it.", class_="key"),
    )
    explanation = paragraph(
        f"Of each model the {WORST_BY_OVERLAP} cases with the least overlap in one of their structures and, of the others, the "
        f"{WORST_BY_DISTANCE} with the largest distance. The planes go through the point of one surface that is farthest "
        "from the other; they are shown as radiologists do, the patient's right on the left. Outlines are smoothed, and "
        "drawn along the grid's own axes where it is oblique."
    )
    parts: List[Content] = [explanation, key]
    for model in evaluation.models:
        parts.append(tag("h3", name(model.name)))
        found = worst_cases(model)
        if not found:
            parts.append(paragraph("No error was found in any case."))
        pairs = {pair.case: pair for pair in model.pairs}
        parts += [_one(evaluation.settings, worst, pairs.get(worst.case.case), images, model) for worst in found]
    return section("worst", "Worst cases", *parts)


def _one(settings: EvaluationSettings, worst: WorstCase, pair: Optional[Pair], images: Images, model: ModelResult) -> Markup:
    structure = settings.labels[worst.label]
    head = [tag("strong", name(worst.case.case), ", ", name(structure)), f" ({worst.reason}): {_numbers(settings, worst)}."]
    if pair is None:
        return notice(paragraph(*head, " The files are not known, so there is no picture."))
    try:
        prediction, reference, _ = read_pair(pair, settings)
        prediction, reference, _ = counted(prediction, reference, settings)
        masks = [structure_mask(part.labels, worst.label, settings) for part in (prediction, reference)]
        place = largest_error_of_masks(masks[0], masks[1], reference.geometry, settings.definition)
    except KDSegError as error:
        return notice(paragraph(*head, f" No picture: {error}"))
    if place is None:
        return notice(paragraph(*head, " No picture: the files are not those that were measured."))
    below, remark = _image(images, pair.case, reference)
    png = draw_error(
        masks[0], masks[1], reference.geometry, place.index_zyx, image=below, others=(reference.labels > 0) & ~masks[1]
    )
    alternative = (
        f"Axial, coronal and sagittal plane through the largest error of {plain(structure)} in case {plain(worst.case.case)}, "
        f"model {plain(model.name)}, with the outlines of reference and prediction. {_words(place)}"
    )
    return picture(png, "image/png", alternative, [*head, " ", _words(place), remark])


def _image(images: Images, case: str, reference: Segmentation) -> Tuple[Optional[npt.NDArray[Any]], str]:
    try:
        return images.of(case, reference.geometry), ""
    except KDSegError as error:
        return None, f" The image is not shown: {error}"


def _numbers(settings: EvaluationSettings, worst: WorstCase) -> str:
    values: Dict[str, float] = worst.metrics.values()
    shown = [*compared_metrics(settings), *([] if "hd_mm" in compared_metrics(settings) else ["hd_mm"])]
    texts = [f"{metric_heading(metric)} {number(values[metric], 3 if is_larger_better(metric) else 1)}" for metric in shown]
    volumes = (
        f"{worst.metrics.prediction_volume_ml:.3g} ml predicted, {worst.metrics.reference_volume_ml:.3g} ml in the reference"
    )
    return f"{', '.join(texts)}; {volumes}"


def _words(place: Place) -> str:
    """Say where the place is and what is wrong there."""
    where = position_text(place)
    if place.status is Status.MISSED:
        return f"The reference's structure is missed; the planes go through its centre at {where}."
    if place.status is Status.HALLUCINATED:
        return f"The prediction's structure is not in the reference; the planes go through its centre at {where}."
    whose, other = ("reference", "prediction") if place.surface == REFERENCE else ("prediction", "reference")
    return f"At {where} the surface of the {whose} is {place.distance_mm:.1f} mm away from that of the {other}."


def position_text(place: Place) -> str:
    """Return a position as Slicer shows it: ``R 12.3, A 45.6, S 7.8 mm``; the letters say to which side of the origin."""
    letters = [("L", "R"), ("P", "A"), ("S", "I")]
    parts = [f"{pair[0] if value >= 0 else pair[1]} {abs(value):.1f}" for value, pair in zip(place.point_lps_mm, letters)]
    return f"{', '.join(parts)} mm"
