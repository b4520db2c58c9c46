"""Between Slicer's scene and the runtime: volumes out, segmentations, tables and sequences in.

Nothing here knows widgets, jobs or students; everything works on nodes, files and :class:`kdseg.segmentation.LabelEntry`.
"""

from __future__ import annotations

from KDSegmentatorLib.mrml.segmentations import import_labels
from KDSegmentatorLib.mrml.subject_hierarchy import place_beside
from KDSegmentatorLib.mrml.tables import volumes_table
from KDSegmentatorLib.mrml.terminology import set_terminology
from KDSegmentatorLib.mrml.volumes import export_volume, export_volumes

__all__ = ["export_volume", "export_volumes", "import_labels", "place_beside", "set_terminology", "volumes_table"]
