"""The last section: what every number means and how it came about."""

from __future__ import annotations

import json
from typing import Any, List, Optional, Tuple

from kdseg_training.evaluation.comparison_results import SMALLEST_COMPARED_CASES, Comparison
from kdseg_training.evaluation.report.markup import Content, Markup, name, paragraph, section, tag
from kdseg_training.evaluation.report.tables import Table
from kdseg_training.evaluation.results import Evaluation
from kdseg_training.evaluation.settings import EvaluationSettings
from kdseg_training.metrics.bootstrap import SMALLEST_TRUSTED_CASES
from kdseg_training.metrics.definitions import TOLERANCE_ABSOLUTE_MM, TOLERANCE_RELATIVE, SurfaceDefinition

_SURFACES = {
    SurfaceDefinition.SURFACE_ELEMENTS: (
        "Surface elements: marching-cubes elements on the voxel corners, weighted by their area in mm². A percentile is the "
        "smallest distance that covers the share of the area. As DeepMind's surface-distance: Nikolov et al. 2021, "
        "doi:10.2196/26151. Thin sheets come out lower than with boundary voxels."
    ),
    SurfaceDefinition.BOUNDARY_VOXELS: (
        "Boundary voxels: voxels of the mask with one of their six face neighbours outside, each of weight 1, at the voxel "
        "centres. Percentiles are interpolated. As Metrics Reloaded and MONAI: Maier-Hein et al. 2024, "
        "doi:10.1038/s41592-023-02151-z."
    ),
}


def methods_section(evaluation: Evaluation, comparison: Optional[Comparison]) -> Markup:
    """Return definitions, statistics, files, versions and the command."""
    settings = evaluation.settings
    parts: List[Content] = [
        tag("h3", "Definitions"),
        _definitions(evaluation),
        tag("h3", "Statistics"),
        _statistics(comparison),
    ]
    parts += [
        tag("h3", "What was measured"),
        paragraph("Structures by label value: ", _structures(settings), "."),
        _files(evaluation),
    ]
    command = evaluation.environment.get("command")
    if command:
        parts += [tag("h3", "Command"), tag("pre", str(command))]
    rest = {key: value for key, value in evaluation.environment.items() if key != "command"}
    if rest:
        parts += [tag("h3", "Environment"), tag("pre", json.dumps(rest, indent=1, default=str, ensure_ascii=False))]
    return section("methods", "Definitions and methods", *parts)


def _structures(settings: EvaluationSettings) -> List[Content]:
    found: List[Content] = []
    for label, text in settings.labels.items():
        values = settings.values_of(label)
        made_of = f" (of {', '.join(map(str, values))})" if values != (label,) else ""
        found += [", " if found else None, f"{label} = ", name(text), made_of]
    return found


def _terms(entries: List[Tuple[str, Any]]) -> Markup:
    return tag("dl", [part for term, text in entries for part in (tag("dt", term), tag("dd", text))])


def _definitions(evaluation: Evaluation) -> Markup:
    settings = evaluation.settings
    allowance = (
        "Tolerances are compared as they are, without allowance for rounding."
        if settings.strict_tolerance
        else f"A distance counts as within the tolerance τ up to τ·(1 + {TOLERANCE_RELATIVE:g}) + {TOLERANCE_ABSOLUTE_MM:g} "
        "mm, so that whole numbers of voxels are not lost by rounding."
    )
    return _terms(
        [
            ("Surface", _SURFACES[settings.definition]),
            ("Dice", "2 |P ∩ R| / (|P| + |R|) of the voxels of prediction P and reference R; 0 to 1."),
            (
                "NSD (normalised surface distance, surface Dice)",
                f"Share of both surfaces that lies within the tolerance of the other surface; 0 to 1. {allowance}",
            ),
            (
                "HD, HD95",
                "Hausdorff distance: the largest distance from a point of either surface to the other surface, in mm; HD95 the "
                "larger of the two 95th percentiles, and so for other percentiles.",
            ),
            (
                "Missed, hallucinated, in neither",
                "Missed: the reference holds the structure and the prediction does not; hallucinated: the other way round. "
                "Overlap is 0 and the distance infinite; in means the distance counts as the physical diagonal of the image, "
                "so that losing a structure never pays. A structure that neither holds is not measured. Every case is "
                "counted in one of the four columns.",
            ),
            ("Volumes", "Voxels times the volume of a voxel, in ml."),
        ]
    )


def _statistics(comparison: Optional[Comparison]) -> Markup:
    draws = "" if comparison is None else f"{comparison.resamples:,} resamples, seed {comparison.seed}. "
    return _terms(
        [
            (
                "Intervals of means",
                f"Percentile bootstrap over whole cases (Efron 1979, doi:10.1214/aos/1176344552). {draws}Below "
                f"{SMALLEST_TRUSTED_CASES} cases they are rather too narrow. They are not corrected for the number of "
                "structures. Cases are taken for independent. Of fewer than "
                f"{SMALLEST_COMPARED_CASES} values there is no interval.",
            ),
            (
                "Paired tests",
                "Wilcoxon's signed-rank test over the cases, two-sided, with Pratt's treatment of equal values (Pratt 1959, "
                "doi:10.1080/01621459.1959.10501526), exact up to 200 differing cases. A missed structure is worse than any "
                "measured distance. p-values are corrected by Holm's procedure within each metric: over pairs of models, and "
                "by structure over pairs and structures. Different metrics are not corrected for one another.",
            ),
            (
                "Non-inferiority",
                "One-sided, 5 %: a model is not inferior to the teacher where the 90 % bootstrap interval of the difference "
                "keeps within the margin. “Not shown” is not the same as inferior.",
            ),
            (
                "Limits of agreement",
                "Bland and Altman 1999, doi:10.1177/096228029900800204; bias with Student's t, limits with exact intervals "
                "under normality (Carkeet 2015, doi:10.1097/OPX.0000000000000513).",
            ),
        ]
    )


def _files(evaluation: Evaluation) -> Markup:
    table = Table("Files as they were named.", ["Model", "Predictions", "Reference"], words={0, 1, 2})
    for model in evaluation.models:
        table.add(name(model.folder), name(evaluation.reference), heading=name(model.name))
    return table.markup()
