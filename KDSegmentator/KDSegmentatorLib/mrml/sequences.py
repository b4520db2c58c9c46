"""4-D volumes: the frames of a sequence out, a segmentation sequence with the same index values in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional, Tuple

import slicer.util

from kdseg.errors import InputError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.mrml.nodes import class_of, is_node, name_of
from KDSegmentatorLib.mrml.segmentations import NewContent, fill
from KDSegmentatorLib.mrml.subject_hierarchy import place_beside


@dataclass(frozen=True)
class Frame:
    """One time point: its index value, as the sequence writes it, and its volume node, which belongs to the sequence."""

    index_value: str
    volume_node: Any


def frames(sequence_node: Any) -> Tuple[Frame, ...]:
    """Return the frames of a sequence of volumes, in their order.

    Raises
    ------
    InputError
        If the node is not a sequence, is empty, or holds something else than volumes.
    """
    name = name_of(sequence_node) or None
    if not is_node(sequence_node, "vtkMRMLSequenceNode"):
        raise _refused(_("a sequence (vtkMRMLSequenceNode)"), class_of(sequence_node), name)
    count = sequence_node.GetNumberOfDataNodes()
    if count == 0:
        raise _refused(_("a sequence of volumes"), _("no frames"), name)
    result = tuple(Frame(sequence_node.GetNthIndexValue(i), sequence_node.GetNthDataNode(i)) for i in range(count))
    for frame in result:
        if not frame.volume_node.IsA("vtkMRMLScalarVolumeNode"):
            raise _refused(_("a sequence of volumes"), frame.volume_node.GetClassName(), name)
    return result


class SegmentationFrames:
    """Collects the segmentation of every frame; nothing of it is in the scene before :meth:`show`.

    Parameters
    ----------
    sequence_node
        The ``vtkMRMLSequenceNode`` with the volumes.
    """

    def __init__(self, sequence_node: Any) -> None:
        self._volumes = sequence_node
        self._result = slicer.vtkMRMLSequenceNode()
        _copy_index(sequence_node, self._result)

    def add(self, frame: Frame, content: NewContent) -> None:
        """Keep the segmentation of one frame."""
        node = slicer.vtkMRMLSegmentationNode()
        node.SetName(_("{volume} segmentation").format(volume=self._volumes.GetName()))
        fill(node, content)
        self._result.SetDataNodeAtValue(node, frame.index_value)

    def show(self, segmentation_sequence_node: Optional[Any] = None) -> Any:
        """Bring the frames into the scene, played in step with the volumes.

        Parameters
        ----------
        segmentation_sequence_node
            A ``vtkMRMLSequenceNode`` whose frames are replaced; None adds one.

        Returns
        -------
        vtkMRMLSequenceNode
            With as many frames as were added.
        """
        sequence = self._into_scene() if segmentation_sequence_node is None else self._into(segmentation_sequence_node)
        browser = _browser_of(self._volumes)
        if not browser.IsSynchronizedSequenceNodeID(sequence.GetID(), True):
            browser.AddSynchronizedSequenceNodeID(sequence.GetID())
        place_beside(sequence, self._volumes)
        self._set_up_proxy(browser, sequence)
        return sequence

    def _into_scene(self) -> Any:
        scene = self._volumes.GetScene()
        self._result.SetName(scene.GenerateUniqueName(_("{volume} segmentation").format(volume=self._volumes.GetName())))
        return scene.AddNode(self._result)

    def _into(self, sequence: Any) -> Any:
        sequence.RemoveAllDataNodes()
        _copy_index(self._volumes, sequence)
        for index in range(self._result.GetNumberOfDataNodes()):
            sequence.SetDataNodeAtValue(self._result.GetNthDataNode(index), self._result.GetNthIndexValue(index))
        return sequence

    def _set_up_proxy(self, browser: Any, sequence: Any) -> None:
        """Give the node that shows the selected frame what a sequence cannot keep: references to other nodes."""
        proxy = browser.GetProxyNode(sequence)
        if proxy is None:
            selected = max(0, browser.GetSelectedItemNumber())
            proxy = browser.AddProxyNode(sequence.GetNthDataNode(selected), sequence)
        volume = browser.GetProxyNode(self._volumes)
        if proxy.GetDisplayNode() is None:
            proxy.CreateDefaultDisplayNodes()
        if volume is not None:
            proxy.SetNodeReferenceID(proxy.GetReferenceImageGeometryReferenceRole(), volume.GetID())
            proxy.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
            place_beside(proxy, volume)


def _copy_index(source: Any, target: Any) -> None:
    target.SetIndexName(source.GetIndexName())
    target.SetIndexUnit(source.GetIndexUnit())
    target.SetIndexType(source.GetIndexType())
    target.SetNumericIndexValueTolerance(source.GetNumericIndexValueTolerance())


def _browser_of(sequence_node: Any) -> Any:
    """Return the browser that plays the sequence; a new one where there is none."""
    scene = sequence_node.GetScene()
    for browser in slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode", scene):
        if browser.IsSynchronizedSequenceNodeID(sequence_node.GetID(), True):
            return browser
    name = scene.GenerateUniqueName(_("{sequence} browser").format(sequence=sequence_node.GetName()))
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", name)
    browser.SetAndObserveMasterSequenceNodeID(sequence_node.GetID())
    return browser


def _refused(expected: str, found: str, name: Optional[str]) -> InputError:
    return InputError(
        _("This cannot be segmented frame by frame."),
        expected=expected,
        found=found,
        path=name,
        remedy=_("Choose the sequence that holds the volumes of the 4-D image."),
    )
