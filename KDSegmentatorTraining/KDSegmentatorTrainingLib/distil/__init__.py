"""Distilling from the panel: the Python that trains, the settings, the run that outlives Slicer, its curves, the export."""
