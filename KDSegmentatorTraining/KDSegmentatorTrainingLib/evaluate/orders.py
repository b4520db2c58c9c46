"""What the user asked for when Evaluate was pressed; later changes of the panel do not touch it."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Optional, Union

from kdseg.errors import InputError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.mrml.segmentations import not_found
from KDSegmentatorTrainingLib.evaluate.export import ExportedPair, export_pair
from KDSegmentatorTrainingLib.evaluate.grids import common_grid
from KDSegmentatorTrainingLib.evaluate.job import of_one_case
from KDSegmentatorTrainingLib.evaluate.matching import MatchBy, SegmentMatching, match_segments, matching_sentence
from KDSegmentatorTrainingLib.evaluate.numbers import percentiles, tolerances
from KDSegmentatorTrainingLib.evaluate.request import EvaluationRequest, Measures
from KDSegmentatorTrainingLib.evaluate.results import EvaluationResult
from KDSegmentatorTrainingLib.evaluate.sources import LABEL_MAP, segments_of


@dataclass
class NodeOrder:
    """Two nodes of the scene.

    Attributes
    ----------
    prediction, reference
        Segmentations or label maps.
    measures
        What is measured.
    match_by, count_missed, resample
        How they are compared.
    table
        The table that takes the numbers; None for a new one.
    note
        What had to be done to compare them; known once the request was made.
    """

    prediction: Any
    reference: Any
    measures: Measures
    match_by: MatchBy = MatchBy.AUTO
    count_missed: bool = False
    resample: bool = False
    table: Optional[Any] = None
    note: str = ""
    _exported: Optional[ExportedPair] = field(default=None, repr=False)

    @property
    def title(self) -> str:
        """Which two are compared."""
        return _("{prediction} against {reference}").format(
            prediction=self.prediction.GetName(), reference=self.reference.GetName()
        )

    @property
    def case(self) -> str:
        """What the one case is called."""
        return str(self.prediction.GetName())

    def matching(self) -> SegmentMatching:
        """Match the segments as they are now.

        Raises
        ------
        InputError
            If one of the nodes cannot be compared.
        """
        looked_for = () if self.prediction.IsA(LABEL_MAP) else not_found(self.prediction)
        ours, theirs = segments_of(self.prediction), segments_of(self.reference)
        return match_segments(ours, theirs, self.match_by, missed=looked_for, all_missed=self.count_missed)

    def check(self) -> str:
        """Return what will be measured.

        Raises
        ------
        KDSegError
            If the two cannot be compared.
        """
        matching = self.matching()
        if not matching.structures:
            raise InputError(matching_sentence(matching))
        common_grid(self.prediction, self.reference, resample=self.resample)
        return matching_sentence(matching)

    def request(self, folder: Path) -> EvaluationRequest:
        """Write both nodes into the private folder and return the request; KDSegError as :meth:`check`."""
        matching = self.matching()
        if not matching.structures:
            raise InputError(matching_sentence(matching))
        common = common_grid(self.prediction, self.reference, resample=self.resample)
        self.note = common.note
        exported = export_pair(self.prediction, self.reference, matching.structures, common, folder)
        self._exported = exported
        return EvaluationRequest(
            exported.prediction, exported.reference, folder / "results", exported.labels, self.measures, places=True
        )

    def arranged(self, result: EvaluationResult) -> EvaluationResult:
        """Return the result with one case, whatever it was written to."""
        return result if self._exported is None else of_one_case(result, self._exported, self.case)


@dataclass
class FolderOrder:
    """Two folders of label maps; attributes as in :class:`NodeOrder` and in the request."""

    prediction: Path
    reference: Path
    measures: Measures
    labels: Union[Path, Dict[int, str], None] = None
    resample: bool = False
    allow_missing: bool = False
    results: Optional[Path] = None
    table: Optional[Any] = None
    places: bool = False
    note: str = ""

    @property
    def title(self) -> str:
        """Which two are compared."""
        return _("{prediction} against {reference}").format(prediction=self.prediction.name, reference=self.reference.name)

    def check(self) -> str:
        """Return nothing to say; InputError if a folder is not there."""
        for path in (self.prediction, self.reference):
            if not path.exists():
                raise InputError(
                    _("There is no such folder."), found=str(path), path=path, remedy=_("Check the path, or browse for it.")
                )
        return ""

    def request(self, folder: Path) -> EvaluationRequest:
        """Return the request; results go to the private folder where nobody wants to keep them."""
        wanted = self.results is not None
        return EvaluationRequest(
            self.prediction,
            self.reference,
            folder / "results" if self.results is None else self.results,
            self.labels,
            self.measures,
            resample=self.resample,
            allow_missing=self.allow_missing,
            places=self.places,
            report=wanted and importlib.util.find_spec("matplotlib") is not None,
        )

    def arranged(self, result: EvaluationResult) -> EvaluationResult:
        """Return the result as it is."""
        return result


Order = Union[NodeOrder, FolderOrder]


def order_from(parameters: Any) -> Order:
    """Return what a parameter node asks for.

    Raises
    ------
    InputError
        If tolerances or percentiles are no numbers.
    """
    measures = Measures(
        tolerances(parameters.evaluateTolerances), percentiles(parameters.evaluatePercentiles), parameters.evaluateDefinition
    )
    if not parameters.evaluateFolders:
        return NodeOrder(
            parameters.evaluatePrediction,
            parameters.evaluateReference,
            measures,
            MatchBy(parameters.evaluateMatchBy),
            parameters.evaluateCountMissed,
            parameters.evaluateResample,
            parameters.evaluateTable,
        )
    labels, results = (_path(parameters.evaluateLabelsFile), _path(parameters.evaluateResultsFolder))
    return FolderOrder(
        Path(parameters.evaluatePredictionFolder.strip()).absolute(),
        Path(parameters.evaluateReferenceFolder.strip()).absolute(),
        measures,
        labels,
        parameters.evaluateResample,
        parameters.evaluateAllowMissing,
        results,
        parameters.evaluateTable,
    )


def _path(text: str) -> Optional[Path]:
    return Path(text.strip()).absolute() if text.strip() else None
