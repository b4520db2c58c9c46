"""KDSegmentator's runtime: segment medical volumes with distilled nnU-Net students on a CPU.

Importing this package is cheap; NumPy, SimpleITK and ONNX Runtime are loaded by the modules that need them.
"""

from kdseg._version import __version__

__all__ = ["__version__"]
