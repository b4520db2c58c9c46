"""KDSegmentator's runtime: segment medical volumes with distilled nnU-Net students on a CPU.

Importing this package is cheap; NumPy, SimpleITK and ONNX Runtime are loaded by the modules that need them.
"""

import os

from kdseg._version import __version__

__all__ = ["__version__"]

os.environ["ORT_DISABLE_TELEMETRY"] = (
    "1"  # ONNX Runtime 1.31 for Linux reads it when it is loaded; nothing may leave this computer
)
