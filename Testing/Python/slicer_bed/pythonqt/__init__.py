"""PySide6 with the manners of PythonQt, the Qt binding inside Slicer.

Importing this package changes the PySide6 classes for the whole process: Qt properties become attributes, `connect` takes
signatures in text, enums are ints, sequences are tuples, and an attribute that the C++ class lacks can be neither read nor set.
"""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Read by PySide6 when it is imported: every enum is also an int, and its members are also reached without the enum's name.
os.environ["PYSIDE6_OPTION_PYTHON_ENUM"] = "0x03"
