"""The report: one HTML file that opens offline."""

from __future__ import annotations

from typing import List, Optional, Tuple

from kdseg.atomic import write_bytes
from kdseg.errors import PathLike
from kdseg_training.evaluation.comparison_results import Comparison
from kdseg_training.evaluation.report.averages import Averages
from kdseg_training.evaluation.report.comparisons import comparison_section
from kdseg_training.evaluation.report.distributions import distributions_section
from kdseg_training.evaluation.report.images import Images
from kdseg_training.evaluation.report.markup import Markup, join, plain, tag
from kdseg_training.evaluation.report.methods import methods_section
from kdseg_training.evaluation.report.overview import overview_section
from kdseg_training.evaluation.report.structures import structures_section
from kdseg_training.evaluation.report.style import STYLE
from kdseg_training.evaluation.report.volumes import volumes_section
from kdseg_training.evaluation.report.worst import worst_section
from kdseg_training.evaluation.results import Evaluation
from kdseg_training.metrics.bootstrap import DEFAULT_RESAMPLES

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What a browser may load for the page: nothing but what is in it, and no script at all."""

TITLE = "Evaluation of segmentations"


def write_report(
    evaluation: Evaluation,
    comparison: Optional[Comparison],
    path: PathLike,
    *,
    images: Optional[PathLike] = None,
) -> None:
    """Write the report of an evaluation as one file without links to others.

    Parameters
    ----------
    evaluation
        One or several models. The files of the worst cases are read again for their pictures; where that fails the report
        says so.
    comparison
        Of this evaluation; None where it could not be made.
    path
        The file, ``.html``.
    images
        Folder of the images of the cases, or one image, to be shown below the outlines.

    Raises
    ------
    InputError
        If there are no such images.
    OutputError
        If the file cannot be written; an earlier one is unchanged.
    """
    content = _page(evaluation, comparison, Images(images))
    write_bytes(path, content.encode("utf-8"))


def _page(evaluation: Evaluation, comparison: Optional[Comparison], images: Images) -> Markup:
    sections = _sections(evaluation, comparison, images)
    contents = tag("ul", [tag("li", tag("a", heading, href=f"#{key}")) for key, heading, _ in sections])
    title = f"{TITLE}: {', '.join(plain(model.name) for model in evaluation.models)}"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        tag("style", Markup(STYLE)),
    )
    body = tag(
        "body",
        tag("a", "Skip to the results", href="#overview", class_="skip"),
        tag("header", tag("h1", TITLE), tag("nav", contents, aria_label="Contents")),
        tag("main", [markup for _, _, markup in sections]),
        tag("footer", tag("p", "Made by KDSegmentator. For research; not for diagnosis.", class_="dim")),
    )
    return join(Markup("<!DOCTYPE html>\n"), tag("html", head, body, lang="en"), Markup("\n"))


def _sections(evaluation: Evaluation, comparison: Optional[Comparison], images: Images) -> List[Tuple[str, str, Markup]]:
    draws = (DEFAULT_RESAMPLES, 0) if comparison is None else (comparison.resamples, comparison.seed)
    averages = Averages(evaluation, *draws)
    found = [("overview", "At a glance", overview_section(evaluation, averages))]
    if any(model.cases for model in evaluation.models):
        found += [
            ("structures", "By structure", structures_section(evaluation, averages)),
            ("distributions", "Distributions", distributions_section(evaluation, averages)),
            ("worst", "Worst cases", worst_section(evaluation, images)),
            ("volumes", "Volumes", volumes_section(evaluation)),
        ]
    if comparison is not None and len(comparison.models) > 1:
        found.append(("comparison", "Comparison", comparison_section(comparison, evaluation.settings.labels)))
    return [*found, ("methods", "Definitions and methods", methods_section(evaluation, comparison))]
