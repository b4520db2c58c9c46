"""The entry in Slicer's Sample Data module: what the students that ship can segment.

The entry downloads the MNI152 T1 template (ICBM 2009a, symmetric, 1 mm, skull removed: an average of 152 people, not a patient)
for the student for the brain. Those for the hippocampus were trained on crops around one, so the entry also cuts out a box
around each. Nothing is resampled.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, List, Tuple

CATEGORY = "KDSegmentator"
SAMPLE_NAME = "KDSegmentatorBrain"
TEMPLATE_URL = (
    "https://raw.githubusercontent.com/nilearn/nilearn/0.12.1/nilearn/datasets/data/"
    "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
)
"""The file at a tag of nilearn's repository: it stays as it is."""

TEMPLATE_CHECKSUM = "SHA256:421a10e872fd6cadae7f61d358dffbcc1795a497d61ee76c5dda2503e1a1e9e6"
TEMPLATE_FILE = "MNI152-T1-1mm.nii.gz"
TEMPLATE_NAME = "MNI152 brain"
"""Of the volume node; below are those of the boxes."""

THUMBNAIL = Path(__file__).resolve().parent.parent / "Resources" / "Icons" / "KDSegmentatorBrain.png"

BOX_SIZE = (35, 50, 35)
"""Voxels of 1 mm along x, y, z: the median size of the students' training crops."""


@dataclass(frozen=True)
class Box:
    """Where a box lies.

    Attributes
    ----------
    name
        Of the volume node.
    corner_ras_mm
        Centre of its first voxel: left, posterior, inferior.
    """

    name: str
    corner_ras_mm: Tuple[float, float, float]


BOXES = (
    Box("MNI152 left hippocampus", (-42.0, -47.0, -29.0)),
    Box("MNI152 right hippocampus", (8.0, -47.0, -29.0)),
)


def register() -> None:
    """Add the entry to the Sample Data module; to be called when Slicer has started. Without that module there is no entry."""
    try:
        import SampleData
    except ImportError:
        return

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=SAMPLE_NAME,
        uris=TEMPLATE_URL,
        fileNames=TEMPLATE_FILE,
        checksums=TEMPLATE_CHECKSUM,
        nodeNames=TEMPLATE_NAME,
        thumbnailFileName=str(THUMBNAIL),
        customDownloader=download,
    )


def download(source: Any) -> List[Any]:
    """Download the template, unless it is in the cache with the right digest, and return its node and those of both boxes.

    Parameters
    ----------
    source
        The entry, as the Sample Data module hands it over.

    Raises
    ------
    ValueError
        If the download failed or its digest is another one; raised by the Sample Data module. The user is told as well: that
        module only prints what is raised here.
    """
    import SampleData

    import slicer
    from KDSegmentatorLib.i18n import _

    with slicer.util.tryWithErrorDisplay(_("The sample data could not be loaded."), waitCursor=True):
        path = SampleData.SampleDataLogic().downloadFileIntoCache(source.uris[0], source.fileNames[0], source.checksums[0])
        template = slicer.util.loadVolume(path, properties={"show": False, "name": TEMPLATE_NAME})
        nodes = [template]
        try:
            nodes += [cut_out(template, box) for box in BOXES]
        except Exception:
            slicer.mrmlScene.RemoveNode(template)
            raise
        slicer.util.setSliceViewerLayers(background=template, fit=True)
    return nodes


def cut_out(template: Any, box: Box) -> Any:
    """Return a new volume node with one box of the template.

    Parameters
    ----------
    template
        Volume node of 1 mm voxels whose index axes run along right, anterior and superior.
    box
        What is cut out.
    """
    import numpy as np

    import slicer
    from KDSegmentatorLib.mrml.geometry import ijk_to_ras, vtk_matrix
    from KDSegmentatorLib.mrml.volumes import voxels_of

    matrix = ijk_to_ras(template)
    first = np.rint(np.linalg.solve(matrix, [*box.corner_ras_mm, 1.0])[:3]).astype(int)
    i, j, k = (slice(start, start + size) for start, size in zip(first, BOX_SIZE))
    voxels = voxels_of(template)[k, j, i].copy()
    place = np.eye(4)
    place[:3, 3] = first
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", slicer.mrmlScene.GenerateUniqueName(box.name))
    slicer.util.updateVolumeFromArray(node, voxels)
    node.SetIJKToRASMatrix(vtk_matrix(matrix @ place))
    node.CreateDefaultDisplayNodes()
    return node
