"""The Slicer application around the real MRML of ``slicer-core``: scene, modules, files and settings."""
