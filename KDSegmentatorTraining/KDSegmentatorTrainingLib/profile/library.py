"""The students on this computer, from the folders that the module KDSegmentator uses."""

from __future__ import annotations

from typing import Any, Optional, Tuple

import qt

from KDSegmentatorLib.logic import STUDENTS_FOLDER_SETTING
from KDSegmentatorLib.students import InstalledStudent, StudentLibrary, default_user_folder, shipped_students_folder


class Library:
    """Looks into the folder that the user has chosen now; bundles are checked once as long as they do not change."""

    def __init__(self) -> None:
        self._folder: Any = None
        self._library: Optional[StudentLibrary] = None

    def students(self) -> Tuple[InstalledStudent, ...]:
        """Return the usable students."""
        folder = str(qt.QSettings().value(STUDENTS_FOLDER_SETTING, "") or "") or default_user_folder()
        if self._library is None or folder != self._folder:
            self._folder, self._library = folder, StudentLibrary(shipped_students_folder(), folder)
        return self._library.students()
