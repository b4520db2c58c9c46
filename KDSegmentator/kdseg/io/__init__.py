"""Files in and out, with a gate in front of every reader."""

from __future__ import annotations

from kdseg.io.findings import Finding
from kdseg.io.label_map_writer import write_label_map
from kdseg.io.reader import Source, VolumeInput, hash_input, read_volume, read_volume_input, read_volume_with_findings
from kdseg.io.seg_nrrd_writer import write_seg_nrrd

__all__ = [
    "Finding",
    "Source",
    "VolumeInput",
    "hash_input",
    "read_volume",
    "read_volume_input",
    "read_volume_with_findings",
    "write_label_map",
    "write_seg_nrrd",
]
