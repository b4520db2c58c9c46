"""What the panel remembers in the scene: saved and loaded with it, and undone with it."""

from slicer.parameterNodeWrapper import parameterNodeWrapper

import slicer


@parameterNodeWrapper
class TrainingParameterNode:
    """Choices of the panel; the names begin with the tab that they belong to.

    Attributes
    ----------
    tab
        Name of the tab that is shown.
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
    """

    tab: str = "evaluate"
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
