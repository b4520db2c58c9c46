"""The library of students: found, checked before copied, removed, and never two of one name and version."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kdseg.errors import BundleError, BundleIntegrityError, BundleSchemaError, OutputError
from kdseg_testing.threshold_student import write_threshold_student
from KDSegmentatorLib.students import StudentLibrary, shipped_students_folder, version_key


@pytest.fixture
def library(tmp_path: Path) -> StudentLibrary:
    """One shipped student, and no folder of the user yet."""
    (tmp_path / "shipped").mkdir()
    write_threshold_student(tmp_path / "shipped")
    return StudentLibrary(tmp_path / "shipped", tmp_path / "user" / "Schüler 1")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Another student that somebody brought."""
    folder = tmp_path / "stick"
    folder.mkdir()
    return write_threshold_student(folder, channels=2, name="other")


def test_a_shipped_student_is_described_completely(library: StudentLibrary) -> None:
    (student,) = library.students()
    assert (student.name, student.version, student.identifier) == ("threshold", "1.0.0", "threshold-1.0.0")
    assert student.shipped
    assert student.size_bytes == student.path.stat().st_size
    assert [e.name for e in student.entries] == ["Bright tissue"]
    assert student.document["licence"] == "Apache-2.0"
    assert student.plan.patch_size == (8, 8, 8)
    assert student.model_bytes > 50
    assert library.problems() == ()


def test_an_added_student_is_a_copy_of_the_checked_bytes(library: StudentLibrary, bundle: Path) -> None:
    added = library.add(bundle)
    assert added.path == library.user_folder / "other-1.0.0.kdseg.zip"
    assert added.path.read_bytes() == bundle.read_bytes()
    assert not added.shipped
    assert [s.identifier for s in library.students()] == ["other-1.0.0", "threshold-1.0.0"]
    assert library.add(bundle) == added
    bundle.unlink()
    assert library.find("other") == added


def test_nothing_is_copied_of_a_damaged_bundle(library: StudentLibrary, bundle: Path) -> None:
    damaged = bytearray(bundle.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    bundle.write_bytes(damaged)
    with pytest.raises(BundleIntegrityError):
        library.add(bundle)
    assert not library.user_folder.exists()


def test_a_bundle_that_lies_there_damaged_is_a_problem_and_no_student(library: StudentLibrary, bundle: Path) -> None:
    added = library.add(bundle)
    with open(added.path, "r+b") as file:
        file.truncate(1000)
    assert [s.name for s in library.students()] == ["threshold"]
    ((path, error),) = library.problems()
    assert path == added.path
    assert isinstance(error, BundleIntegrityError)
    with pytest.raises(BundleError):
        library.find("other")
    shutil.copy(bundle, added.path)
    assert library.problems() == ()


def test_two_students_of_one_name_and_version_are_refused(library: StudentLibrary, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    impostor = write_threshold_student(tmp_path / "b", channels=2)
    with pytest.raises(BundleError, match="same name and version"):
        library.add(impostor)
    library.user_folder.mkdir(parents=True)
    shutil.copy(impostor, library.user_folder)
    assert [s.shipped for s in library.students()] == [True]
    assert len(library.problems()) == 1


def test_the_same_bundle_in_both_folders_is_one_student(library: StudentLibrary) -> None:
    (shipped,) = library.students()
    library.user_folder.mkdir(parents=True)
    shutil.copy(shipped.path, library.user_folder)
    assert library.students() == (shipped,)
    assert library.problems() == ()


def test_only_added_students_can_be_removed(library: StudentLibrary, bundle: Path) -> None:
    added = library.add(bundle)
    elsewhere = library.find(bundle.parent / bundle.name)
    (shipped,) = (s for s in library.students() if s.shipped)
    with pytest.raises(BundleError):
        library.remove(shipped)
    assert shipped.path.exists()
    library.remove(added)
    assert not added.path.exists()
    assert library.students() == (shipped,)
    library.remove(added)  # somebody was faster: it is gone, as wished
    assert elsewhere.sha256 == added.sha256


def test_a_student_outside_of_the_library_is_found_but_not_removed(library: StudentLibrary, bundle: Path) -> None:
    student = library.find(bundle)
    assert student.path == bundle
    assert not student.shipped
    with pytest.raises(BundleError):
        library.remove(student)
    assert bundle.exists()


def test_a_path_inside_the_library_is_the_installed_student(library: StudentLibrary) -> None:
    (student,) = library.students()
    assert library.find(student.path) is student
    assert library.find(os.fspath(student.path)) is student


def test_an_unknown_name_tells_the_known_ones(library: StudentLibrary, tmp_path: Path) -> None:
    with pytest.raises(BundleError) as caught:
        library.find("liver")
    assert caught.value.expected == "threshold-1.0.0"
    with pytest.raises(BundleIntegrityError):
        library.find(tmp_path / "none.kdseg.zip")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, bundle: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    library = StudentLibrary(tmp_path / "nothing", tmp_path / "file" / "students")
    with pytest.raises(OutputError):
        library.add(bundle)


def test_a_text_file_is_no_bundle(library: StudentLibrary, tmp_path: Path) -> None:
    text = tmp_path / "x.kdseg.zip"
    text.write_text("no zip")
    with pytest.raises((BundleIntegrityError, BundleSchemaError)):
        library.add(text)


@pytest.mark.parametrize(("content", "found"), [(b"# How to", "no zip file"), (b"", "an empty file")])
def test_what_is_no_zip_is_no_student(library: StudentLibrary, tmp_path: Path, content: bytes, found: str) -> None:
    text = tmp_path / "README.md"
    text.write_bytes(content)
    for use in (library.add, library.find):
        with pytest.raises(BundleIntegrityError, match=rf"not a student.*\.kdseg\.zip.*{found}"):
            use(text)
    assert not library.user_folder.exists()


def test_what_names_no_student_is_refused(library: StudentLibrary) -> None:
    with pytest.raises(BundleError, match=r"Found: int\..*threshold-1\.0\.0"):
        library.find(3)  # type: ignore[arg-type]


def test_versions_are_ordered_by_number() -> None:
    ordered = ["1.0.0-alpha.2", "1.0.0-rc.1", "1.0.0-rc.2", "1.0.0", "1.0.1", "1.9.0", "1.10.0", "2.0.0"]
    shuffled = [ordered[i] for i in (5, 0, 7, 3, 1, 6, 2, 4)]
    assert sorted(shuffled, key=version_key) == ordered


def test_the_shipped_students_of_a_checkout_are_found(repository: Path, tmp_path: Path) -> None:
    assert shipped_students_folder() == repository / "Resources" / "Models"
    assert "hippocampus" in [s.name for s in StudentLibrary(shipped_students_folder(), tmp_path).students()]


def test_no_engine_is_needed(repository: Path) -> None:
    code = """
import sys
from KDSegmentatorLib.students import StudentLibrary, shipped_students_folder
assert StudentLibrary(shipped_students_folder(), "none").students()
print(*{name.partition(".")[0] for name in sys.modules})
"""
    environment = {**os.environ, "PYTHONPATH": str(repository / "KDSegmentator")}
    result = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    assert not {"onnxruntime", "skimage", "SimpleITK", "scipy"} & set(result.stdout.split())
