"""Mean and deviation of every tissue in one sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

from kdseg_training.synthesis.anatomy import Tissue
from kdseg_training.synthesis.draws import Draws
from kdseg_training.synthesis.settings import ContrastSettings

DARKEST, BRIGHTEST = 0.04, 1.0
"""Range of random means."""

VOID_MEAN = (0.0, 0.15)
"""Range of the mean of tissues without signal, where a contrast is random."""

SPREAD_WITHIN_KIND = 0.07
"""Standard deviation of related tissues about their kind."""

INVERSION_CENTRE = 1.0
"""A tissue at x in a T1-weighted image is at this minus x in the inverted one."""

DARK_BACKGROUND, DARK_BACKGROUND_NOISE = (0.0, 0.06), (0.005, 0.03)
"""Ranges of mean and deviation of a background that is neither 0 nor bright."""


@dataclass(frozen=True)
class Contrast:
    """One number for each tissue of an anatomy, background first."""

    means: Tuple[float, ...]
    deviations: Tuple[float, ...]

    @property
    def background_is_zero(self) -> bool:
        """Whether nothing at all is drawn where there is no tissue."""
        return self.means[0] == 0 and self.deviations[0] == 0


def draw_contrast(tissues: Sequence[Tissue], settings: ContrastSettings, draws: Draws, *, stripped: bool) -> Contrast:
    """Draw a contrast.

    Parameters
    ----------
    tissues
        Of an anatomy; the first is background.
    settings
        Ranges and shares.
    draws
        Random numbers of this sample.
    stripped
        Whether the skull will be stripped, which leaves a background of 0.
    """
    kind = draws.choice((settings.t1, settings.inverted, settings.related, settings.free))
    if kind <= 1:
        means = _t1_means(tissues, settings, draws, inverted=kind == 1)
    else:
        means = _random_means(tissues, draws, related=kind == 2)
    spread = settings.t1_deviation if kind <= 1 else settings.deviation
    deviations = [draws.uniform(spread) * tissue.texture for tissue in tissues]
    means[0], deviations[0] = _background(settings, draws, stripped)
    return Contrast(tuple(means), tuple(deviations))


def _t1_means(tissues: Sequence[Tissue], settings: ContrastSettings, draws: Draws, *, inverted: bool) -> List[float]:
    means = []
    for tissue in tissues:
        mean = draws.uniform(tissue.t1) + (0 if tissue.void else draws.normal(settings.t1_jitter))
        if inverted and not tissue.void:
            mean = INVERSION_CENTRE - mean
        means.append(max(0.0, mean))
    return means


def _random_means(tissues: Sequence[Tissue], draws: Draws, *, related: bool) -> List[float]:
    centres: Dict[str, float] = {kind: draws.uniform((DARKEST, BRIGHTEST)) for kind in ("white", "grey", "fluid")}
    means = []
    for tissue in tissues:
        if tissue.void and draws.chance(0.8):
            mean = draws.uniform(VOID_MEAN)
        elif related and tissue.kind in centres:
            mean = centres[tissue.kind] + draws.normal(SPREAD_WITHIN_KIND)
        else:
            mean = draws.uniform((DARKEST, BRIGHTEST))
        means.append(min(max(mean, 0.0), BRIGHTEST))
    return means


def _background(settings: ContrastSettings, draws: Draws, stripped: bool) -> Tuple[float, float]:
    if stripped or draws.chance(settings.background_zero):
        return 0.0, 0.0
    if draws.chance(settings.background_any):
        return draws.uniform((DARKEST, BRIGHTEST)), draws.uniform(settings.deviation)
    return draws.uniform(DARK_BACKGROUND), draws.uniform(DARK_BACKGROUND_NOISE)
