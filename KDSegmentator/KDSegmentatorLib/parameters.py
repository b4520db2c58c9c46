"""What the panel remembers in the scene: saved and loaded with it, and undone with it."""

from typing import Annotated, Any  # no postponed annotations here: Slicer's wrapper reads these types

import qt
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

import slicer

MOST_THREADS = 256
MOST_MEMORY_GIB = 4096.0


@parameterNodeWrapper
class KDSegmentatorParameterNode:
    """Choices of the panel.

    Attributes
    ----------
    inputVolume
        The volume to segment.
    outputSegmentation
        The segmentation that takes the result; None for a new one.
    student
        Key of the chosen student, its name and version; it may not be installed where the scene is loaded.
    leftOut
        Label values of structures that are not wanted, of that student.
    threads
        CPU threads; 0 for as many as there are.
    memoryGib
        Ceiling for the memory of a run, in GiB; 0 for what is free.
    engine
        Name of the engine, ``auto`` or one of :class:`kdseg.limits.EngineName`.
    mirroring
        Average over mirrored passes where the student allows it.
    show3D
        Show the surfaces when a run is done.
    volumesTable
        Make a table of volumes when a run is done.
    """

    inputVolume: slicer.vtkMRMLScalarVolumeNode
    outputSegmentation: slicer.vtkMRMLSegmentationNode
    student: str
    leftOut: list[int]
    threads: Annotated[int, WithinRange(0, MOST_THREADS)] = 0
    memoryGib: Annotated[float, WithinRange(0.0, MOST_MEMORY_GIB)] = 0.0
    engine: str = "auto"
    mirroring: bool = True
    show3D: bool = True
    volumesTable: bool = False


def connect_widgets(parameters: Any, root: Any) -> Any:
    """Connect the widgets below ``root`` that the ``.ui`` file gives a parameter; return what ``disconnectGui`` takes.

    Slicer's own ``connectGui`` does the same, but returned nothing before 5.10, so that nothing could be disconnected.
    """
    named = {widget.property("SlicerParameterName"): widget for widget in root.findChildren(qt.QWidget)}
    return parameters.connectParametersToGui({name: widget for name, widget in named.items() if name})
