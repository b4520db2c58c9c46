"""What the panel remembers in the scene: saved and loaded with it, and undone with it."""

from typing import Annotated  # no postponed annotations here: Slicer's wrapper reads these types

from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

import slicer


@parameterNodeWrapper
class TrainingParameterNode:
    """Choices of the panel; the names begin with the tab that they belong to.

    Attributes
    ----------
    tab
        Name of the tab that is shown; empty in a new scene, which leaves the panel as it is.
    evaluateFolders
        Compare two folders of label maps instead of two nodes.
    evaluatePrediction, evaluateReference
        The two nodes: segmentations or label maps.
    evaluateMatchBy
        How segments are matched: ``auto``, ``name`` or ``label``.
    evaluateResample
        Bring the segmentation onto the reference's grid by nearest neighbours.
    evaluateCountMissed
        Structures that the segmentation lacks count as missed.
    evaluateAllowMissing
        Cases of a folder without a segmentation are left out, and named.
    evaluatePredictionFolder, evaluateReferenceFolder, evaluateLabelsFile, evaluateResultsFolder
        Paths; empty for none.
    evaluateTolerances, evaluatePercentiles, evaluateDefinition
        What is measured; the first two as typed.
    evaluateTable
        The table that takes the numbers; None for a new one.
    profileLeftOut
        Name and version of the installed students that are not measured.
    profileVolume
        The volume that is segmented in every run; None for a synthetic one.
    profileRepetitions, profileThreads, profileMirroring
        Counted runs of each student, CPU threads (0 for as many as there are), and whether mirrored passes are averaged.
    """

    tab: str
    evaluateFolders: bool
    evaluatePrediction: slicer.vtkMRMLNode
    evaluateReference: slicer.vtkMRMLNode
    evaluateMatchBy: str = "auto"
    evaluateResample: bool
    evaluateCountMissed: bool
    evaluateAllowMissing: bool
    evaluatePredictionFolder: str
    evaluateReferenceFolder: str
    evaluateLabelsFile: str
    evaluateResultsFolder: str
    evaluateTolerances: str = "1"
    evaluatePercentiles: str = "95"
    evaluateDefinition: str = "surface_elements"
    evaluateTable: slicer.vtkMRMLTableNode
    profileLeftOut: list[str]
    profileVolume: slicer.vtkMRMLScalarVolumeNode
    profileRepetitions: Annotated[int, WithinRange(1, 1000)] = 5
    profileThreads: Annotated[int, WithinRange(0, 256)] = 0
    profileMirroring: bool = True
