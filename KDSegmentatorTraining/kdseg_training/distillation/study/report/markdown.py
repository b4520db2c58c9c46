"""The Markdown of a study, section by section."""

from __future__ import annotations

from typing import Any, List, Mapping, Sequence

from kdseg_training.distillation.study.outcome import Outcome
from kdseg_training.distillation.study.report.methods import (
    choices_section,
    cost_section,
    history_section,
    setting_section,
)
from kdseg_training.distillation.study.report.results import (
    aims_section,
    by_class_section,
    comparison_section,
    gap_section,
    inferiority_section,
    main_section,
    other_mirroring_section,
    seeds_section,
)


def markdown_of(outcome: Outcome, pictures: Sequence[str], history: Sequence[Mapping[str, Any]]) -> str:
    """Return the whole document.

    Parameters
    ----------
    outcome
        Of the study.
    pictures
        Paths of the figures, relative to the document.
    history
        Earlier reports on the same test set, with other settings or networks.
    """
    sections: List[List[str]] = [
        [f"# {outcome.config.title}"],
        history_section(history),
        main_section(outcome),
        [f"![Quality against size]({pictures[0]})"],
        aims_section(outcome),
        gap_section(outcome),
        comparison_section(outcome),
        inferiority_section(outcome),
        by_class_section(outcome),
        seeds_section(outcome),
        other_mirroring_section(outcome),
        choices_section(outcome),
        ["## Curves", "", *(f"![Training curves]({path})" for path in pictures[1:])],
        cost_section(outcome),
        setting_section(outcome),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"
