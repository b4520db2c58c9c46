"""What the Segment Editor effect does, without its widgets: where may voxels change, and how a result gets into segments.

The order of a run: :mod:`.request` fixes what was asked for, :mod:`.region` turns the region of interest into voxels,
:mod:`.run` lets the student work, :mod:`.editable` finds the voxels that may change, and :mod:`.paste` changes the segments.
"""
