"""The students on this computer: those that came with the extension, and those the user added. Needs no ONNX Runtime."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Tuple, Union

import kdseg
from kdseg.cli.bundles import BUNDLE_SUFFIX, bundles_in
from kdseg.errors import BundleError, BundleIntegrityError, KDSegError, OutputError
from kdseg.user_data import user_data_folder
from KDSegmentatorLib.i18n import _

if TYPE_CHECKING:
    from kdseg.plans.model import ModelPlan
    from kdseg.segmentation import LabelEntry
    from kdseg.sides import SideExchange
    from kdseg.student import Student

PathOrName = Union[str, "os.PathLike[str]"]

_ZIP_START = b"PK"
"""The first bytes of every zip file."""

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(.*)")


@dataclass(frozen=True)
class InstalledStudent:
    """A checked bundle that lies on this computer.

    Attributes
    ----------
    path
        The ``.kdseg.zip`` file.
    name, version
        As in its ``bundle.json``.
    size_bytes, sha256
        Size and digest (hex) of the file.
    shipped
        Whether it came with the extension; such a one cannot be removed.
    document
        ``bundle.json`` as data.
    entries
        Its structures, in the order of their values.
    plan, mirroring_axes, side_exchange, keep_largest_part, model_bytes
        What an estimate needs: nnU-Net's plan, the axes that may be mirrored or None, how left and right are exchanged or None,
        whether islands are removed, and the size of the ONNX file.
    """

    path: Path
    name: str
    version: str
    size_bytes: int
    sha256: str
    shipped: bool
    document: Mapping[str, Any] = field(repr=False, compare=False)
    entries: Tuple[LabelEntry, ...] = field(repr=False, compare=False)
    plan: ModelPlan = field(repr=False, compare=False)
    mirroring_axes: Optional[Tuple[int, ...]] = None
    side_exchange: Optional[SideExchange] = None
    keep_largest_part: bool = False
    model_bytes: int = 0

    @property
    def identifier(self) -> str:
        """Name and version, for example ``hippocampus-1.0.0``; unique in a library."""
        return f"{self.name}-{self.version}"


_Key = Tuple[str, int, int]  # path, size and time of the last change
_Found = Union[InstalledStudent, KDSegError]


class StudentLibrary:
    """The students in two folders.

    Bundles are read and checked completely, once as long as the file does not change.

    Parameters
    ----------
    shipped_folder
        Where the extension's own students lie.
    user_folder
        Where added students go; it is made when the first one is added.
    """

    def __init__(self, shipped_folder: PathOrName, user_folder: PathOrName) -> None:
        self.shipped_folder, self.user_folder = Path(shipped_folder).absolute(), Path(user_folder).absolute()
        self._known: Dict[_Key, _Found] = {}

    def students(self) -> Tuple[InstalledStudent, ...]:
        """Return the usable students by name, the newest version of each first."""
        found = [s for _path, s in self._scan() if isinstance(s, InstalledStudent)]
        return tuple(sorted(sorted(found, key=lambda s: version_key(s.version), reverse=True), key=lambda s: s.name))

    def problems(self) -> Tuple[Tuple[Path, KDSegError], ...]:
        """Return the bundles that cannot be used, and why."""
        return tuple((path, error) for path, error in self._scan() if isinstance(error, KDSegError))

    def find(self, name_or_path: PathOrName) -> InstalledStudent:
        """Return a student by name (its newest version), by ``name-version``, or by the path of a bundle anywhere.

        Raises
        ------
        BundleError
            If there is none, or the bundle is not usable.
        """
        students = self.students()
        if not isinstance(name_or_path, (str, os.PathLike)):
            raise BundleError(
                _("This does not name a student."),
                expected=_("a name, name-version, the path of a .kdseg.zip file, or one of the library's students"),
                found=type(name_or_path).__name__,
                remedy=_("Installed are: {names}.").format(names=", ".join(s.identifier for s in students) or _("none")),
            )
        wanted = os.fspath(name_or_path)
        for student in students:  # the newest version comes first
            if wanted in (student.identifier, student.name):
                return student
        path = Path(wanted)
        if not wanted.endswith(BUNDLE_SUFFIX) and not path.is_file():
            raise BundleError(
                _("There is no student of this name."),
                expected=", ".join(s.identifier for s in students) or _("an installed student"),
                found=wanted,
                remedy=_("Choose one of these, or give the path of a .kdseg.zip file."),
            )
        known = next((s for s in students if _same_file(s.path, path)), None)
        return known or _read(path.absolute(), shipped=False)

    def add(self, path: PathOrName) -> InstalledStudent:
        """Check a bundle completely, then copy it into the user's folder, and return it.

        A bundle that is there already is returned as it is. What is written are the bytes that were checked.

        Raises
        ------
        BundleError, UnsupportedModelError
            If it is not usable, or another student has its name and version.
        OutputError
            If it cannot be copied.
        """
        from kdseg.atomic import write_bytes
        from kdseg.bundle.reader import student_from_bytes
        from kdseg.bundle.writer import bundle_file_name

        data = _read_bytes(Path(path))
        student = student_from_bytes(data, os.fspath(path))
        for present in self.students():
            if present.sha256 == student.digest:
                return present
            if (present.name, present.version) == (student.name, student.version):
                raise _name_is_taken(present, Path(path))
        _make_folder(self.user_folder)
        target = self.user_folder / bundle_file_name(student.name, student.version)
        write_bytes(target, data)
        installed = _describe(student, target, len(data), shipped=False)
        self._known[_key(target)] = installed
        return installed

    def remove(self, student: InstalledStudent) -> None:
        """Remove a student that the user added.

        Raises
        ------
        BundleError
            If it came with the extension or does not lie in the user's folder.
        OutputError
            If the file cannot be removed.
        """
        if student.shipped or not _same_file(student.path.parent, self.user_folder):
            raise BundleError(
                _("Only students that were added can be removed."),
                path=student.path,
                remedy=_("A student that comes with the extension stays as long as the extension is installed."),
            )
        try:
            student.path.unlink()
        except FileNotFoundError:
            return
        except OSError as error:
            raise OutputError(
                _("The student cannot be removed."),
                found=error.strerror or str(error),
                path=student.path,
                remedy=_("Check the permissions of the folder."),
            ) from error

    def _scan(self) -> Iterator[Tuple[Path, _Found]]:
        taken: Dict[str, InstalledStudent] = {}
        for folder, shipped in ((self.shipped_folder, True), (self.user_folder, False)):
            if not shipped and _same_file(folder, self.shipped_folder):
                continue
            for path in bundles_in(folder):
                found = self._read_once(path, shipped=shipped)
                if isinstance(found, InstalledStudent):
                    earlier = taken.setdefault(found.identifier, found)
                    if earlier is not found:
                        if earlier.sha256 == found.sha256:
                            continue
                        found = _name_is_taken(earlier, path)
                yield path, found

    def _read_once(self, path: Path, *, shipped: bool) -> _Found:
        try:
            key = _key(path)
        except OSError as error:
            return BundleIntegrityError(_("The student cannot be read."), found=error.strerror or str(error), path=path)
        if key not in self._known:
            try:
                self._known[key] = _read(path, shipped=shipped)
            except KDSegError as error:
                self._known[key] = error
        return self._known[key]


def version_key(version: str) -> Tuple[int, int, int, int, List[Tuple[int, str]]]:
    """Return what versions are ordered by: 1.10.0 is newer than 1.9.0, and 1.0.0 is newer than 1.0.0-rc.1."""
    match = _VERSION.match(version)
    if match is None:
        return 0, 0, 0, 0, []
    major, minor, patch, suffix = match.groups()
    parts = [(int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"\d+|[A-Za-z]+", suffix)]
    return int(major), int(minor), int(patch), -1 if suffix.startswith("-") else 0, parts


def shipped_students_folder() -> Path:
    """Return where the extension's own students lie: beside the installed modules, or in the checkout."""
    package = Path(kdseg.__file__).resolve().parent
    candidates = [package.parent / "Resources" / "Models", package.parents[1] / "Resources" / "Models"]
    return next((folder for folder in candidates if folder.is_dir()), candidates[0])


def default_user_folder() -> Path:
    """Return where added students go unless the user chooses another folder: the user's data folder of this system."""
    return user_data_folder() / "Students"


def _read(path: Path, *, shipped: bool) -> InstalledStudent:
    from kdseg.bundle.reader import student_from_bytes

    data = _read_bytes(path)
    return _describe(student_from_bytes(data, str(path)), path, len(data), shipped=shipped)


def _read_bytes(path: Path) -> bytes:
    """Return the bytes of a file; raise BundleIntegrityError if it cannot be read or is no zip file at all."""
    from kdseg.bundle.reader import read_bundle_bytes

    data = read_bundle_bytes(path)
    if data.startswith(_ZIP_START):
        return data
    raise BundleIntegrityError(
        _("This is not a student."),
        expected=_("a file that ends in {suffix}").format(suffix=BUNDLE_SUFFIX),
        found=_("a file that is no zip file") if data else _("an empty file"),
        path=path,
        remedy=_("Choose the {suffix} file as it was published; do not unpack it.").format(suffix=BUNDLE_SUFFIX),
    )


def _describe(student: Student, path: Path, size_bytes: int, *, shipped: bool) -> InstalledStudent:
    return InstalledStudent(
        path=path,
        name=student.name,
        version=student.version,
        size_bytes=size_bytes,
        sha256=student.digest,
        shipped=shipped,
        document=student.document,
        entries=student.entries,
        plan=student.plan,
        mirroring_axes=student.mirroring_axes,
        side_exchange=student.side_exchange,
        keep_largest_part=student.keep_largest_part,
        model_bytes=len(student.model),
    )


def _key(path: Path) -> _Key:
    status = path.stat()
    return str(path), status.st_size, status.st_mtime_ns


def _same_file(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return False


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            _("The folder for students cannot be made."),
            found=error.strerror or str(error),
            path=folder,
            remedy=_("Choose another folder in the settings."),
        ) from error


def _name_is_taken(present: InstalledStudent, path: Path) -> BundleError:
    return BundleError(
        _("Another student of the same name and version is installed."),
        expected=_("a name and version of its own"),
        found=f"{present.identifier}: {present.path}",
        path=path,
        remedy=_("Remove the installed one first, or ask its author for a new version number."),
    )
