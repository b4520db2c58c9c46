"""What the panel remembers in the scene: saved and loaded with it, and undone with it."""

from slicer.parameterNodeWrapper import parameterNodeWrapper


@parameterNodeWrapper
class TrainingParameterNode:
    """Choices of the panel; the names begin with the tab that they belong to.

    Attributes
    ----------
    tab
        Name of the tab that is shown.
    """

    tab: str = "evaluate"
