"""The console API: segment volumes, sequences and queues from Python, with or without Slicer's windows.

:data:`API_VERSION` counts as semantic versions do: a program written for 1.x works with every later 1.y. docs/console.md tells
the same with examples.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Union

import qt
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from KDSegmentatorLib.profiles import ProfileBook
from KDSegmentatorLib.rates import RateBook
from KDSegmentatorLib.runs.run import Callbacks, ProgressUpdate
from KDSegmentatorLib.runs.settings import RunSettings, Structures, make_settings
from KDSegmentatorLib.students import StudentLibrary, default_user_folder, shipped_students_folder

API_VERSION = "1.1"
"""Version of the console API."""

STUDENTS_FOLDER_SETTING = "KDSegmentator/StudentsFolder"
"""Key of the application's setting with the folder for added students; empty for the usual one."""

OnProgress = Optional[Callable[[ProgressUpdate], None]]
OnEvent = Optional[Callable[[Dict[str, Any]], None]]
OnFinished = Optional[Callable[[Any], None]]
Folder = Union[str, "os.PathLike[str]"]


class KDSegmentatorLogic(ScriptedLoadableModuleLogic):
    """Segments with the students of this computer. Names are in Slicer's style; see docs/console.md.

    Attributes
    ----------
    API_VERSION
        Version of this interface.
    library
        The students, a :class:`KDSegmentatorLib.students.StudentLibrary`.
    rates, profiles
        How long runs took on this computer (:class:`KDSegmentatorLib.rates.RateBook`), and the profiles made on it.

    Notes
    -----
    What all ways to segment take:

    student
        An installed student, its name (the newest version), ``name-version``, or the path of a ``.kdseg.zip``.
    wait
        True returns when the result is there, and Slicer stays alive meanwhile; False returns a run at once.
    onProgress, onEvent, onFinished
        Called with a :class:`~KDSegmentatorLib.runs.run.ProgressUpdate`; with every message of the child process, as a
        dictionary with the key ``event``; and once with the run when it ended, however it ended.
    structures
        Label values or names of the structures wanted; None for all.
    threads
        CPU threads; None for all that are available.
    memoryBytes
        Ceiling for the memory of the child process, in bytes; None for none.
    engine
        "auto", "cpu", "openvino", "cuda", "directml" or "coreml".
    mirroring
        Average over mirrored inputs: False is faster; None does what the student says.

    They raise :class:`kdseg.errors.KDSegError` if the run cannot start, and if ``wait`` also if it fails or is cancelled; the
    scene is then as before.
    """

    API_VERSION = API_VERSION

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        self.library = _library(str(qt.QSettings().value(STUDENTS_FOLDER_SETTING, "") or ""))
        self.rates = RateBook()
        self.profiles = ProfileBook()

    def setStudentsFolder(self, folder: Optional[Folder]) -> None:
        """Choose where added students lie, now and in later sessions; None for the usual folder."""
        text = "" if folder is None else os.fspath(folder)
        qt.QSettings().setValue(STUDENTS_FOLDER_SETTING, text)
        self.library = _library(text)

    def segment(
        self,
        volumeNode: Any,
        student: Any,
        segmentationNode: Optional[Any] = None,
        wait: bool = True,
        onProgress: OnProgress = None,
        *,
        structures: Structures = None,
        threads: Optional[int] = None,
        memoryBytes: Optional[int] = None,
        engine: str = "auto",
        mirroring: Optional[bool] = None,
        onEvent: OnEvent = None,
        onFinished: OnFinished = None,
    ) -> Any:
        """Segment a volume.

        Parameters
        ----------
        volumeNode
            A scalar volume; for a student of several channels a list of them, in the student's order.
        segmentationNode
            Its segments are replaced, once the new ones are complete; None makes a node.
        student, wait, onProgress, structures, threads, memoryBytes, engine, mirroring, onEvent, onFinished
            See the class.

        Returns
        -------
        vtkMRMLSegmentationNode or KDSegmentatorLib.runs.single.SegmentationRun
            The segmentation if ``wait``, else the run.
        """
        from KDSegmentatorLib.runs.single import SegmentationRun
        from KDSegmentatorLib.runs.sources import node_source

        settings = self._ready(student, structures, threads, memoryBytes, engine, mirroring)
        callbacks = Callbacks(onProgress, onEvent, onFinished)
        run = SegmentationRun(node_source(volumeNode), settings, callbacks, segmentationNode)
        run.start()
        return _waited(run).segmentationNode if wait else run

    def segmentSequence(
        self,
        sequenceNode: Any,
        student: Any,
        segmentationSequenceNode: Optional[Any] = None,
        wait: bool = True,
        onProgress: OnProgress = None,
        *,
        structures: Structures = None,
        threads: Optional[int] = None,
        memoryBytes: Optional[int] = None,
        engine: str = "auto",
        mirroring: Optional[bool] = None,
        onEvent: OnEvent = None,
        onFinished: OnFinished = None,
    ) -> Any:
        """Segment every frame of a 4-D volume; the result is played in step with it.

        Parameters
        ----------
        sequenceNode
            A ``vtkMRMLSequenceNode`` of scalar volumes.
        segmentationSequenceNode
            A ``vtkMRMLSequenceNode`` whose frames are replaced, once all new ones are complete; None makes one.
        student, wait, onProgress, structures, threads, memoryBytes, engine, mirroring, onEvent, onFinished
            See the class.

        Returns
        -------
        vtkMRMLSequenceNode or KDSegmentatorLib.runs.sequence.SequenceRun
            The sequence of segmentations if ``wait``, else the run.
        """
        from KDSegmentatorLib.runs.sequence import SequenceRun

        settings = self._ready(student, structures, threads, memoryBytes, engine, mirroring)
        run = SequenceRun(sequenceNode, settings, Callbacks(onProgress, onEvent, onFinished), segmentationSequenceNode)
        run.start()
        return _waited(run).segmentationSequenceNode if wait else run

    def queue(
        self,
        volumes: Any,
        student: Any,
        outputFolder: Optional[Folder] = None,
        wait: bool = True,
        onProgress: OnProgress = None,
        *,
        overwrite: bool = False,
        structures: Structures = None,
        threads: Optional[int] = None,
        memoryBytes: Optional[int] = None,
        engine: str = "auto",
        mirroring: Optional[bool] = None,
        onEvent: OnEvent = None,
        onFinished: OnFinished = None,
    ) -> Any:
        """Segment several volumes, one after the other; one that fails does not stop the rest.

        Parameters
        ----------
        volumes
            A list of volume nodes (of lists of them, for several channels), or the path of a file or a folder, or a list of
            paths: what ``kdseg segment`` takes.
        outputFolder
            Where ``<case>.seg.nrrd`` and ``volumes.csv`` go; needed for files. Results of nodes are also in the scene.
        overwrite
            Replace what an earlier queue left in ``outputFolder``; otherwise that is refused before any work.
        student, wait, onProgress, structures, threads, memoryBytes, engine, mirroring, onEvent, onFinished
            See the class.

        Returns
        -------
        KDSegmentatorLib.batch.BatchRun
            Its ``results`` tell of every case. A case that failed raises nothing; cancelling a queue that is waited for does.
        """
        from KDSegmentatorLib.batch import BatchRun
        from KDSegmentatorLib.runs.sources import sources_of

        settings = self._ready(student, structures, threads, memoryBytes, engine, mirroring)
        sources = sources_of(volumes, len(settings.student.plan.channel_names))
        folder = None if outputFolder is None else Path(outputFolder).absolute()
        run = BatchRun(sources, settings, Callbacks(onProgress, onEvent, onFinished), folder, overwrite=overwrite)
        run.start()
        if wait:
            run.wait()
            run.raise_if_stopped()
        return run

    def estimate(
        self,
        volumeNode: Any,
        student: Any,
        *,
        structures: Structures = None,
        threads: Optional[int] = None,
        memoryBytes: Optional[int] = None,
        engine: str = "auto",
        mirroring: Optional[bool] = None,
    ) -> Any:
        """Estimate memory and time of :meth:`segment`, at once and without a child process.

        The whole grid is counted; only where that does not fit, the part that is not zero.

        Parameters
        ----------
        volumeNode, student, structures, threads, memoryBytes, engine, mirroring
            As for :meth:`segment`.

        Returns
        -------
        KDSegmentatorLib.estimates.RunEstimate
            ``peak_bytes``, ``fits`` and ``seconds`` (None until this computer has run or profiled the student), among others.
        """
        from KDSegmentatorLib.runs.preflight import estimate_source
        from KDSegmentatorLib.runs.sources import node_source

        settings = self._settings(student, structures, threads, memoryBytes, engine, mirroring)
        return estimate_source(node_source(volumeNode), settings)

    def chooseStudent(
        self,
        student: Any,
        volumeNode: Optional[Any] = None,
        *,
        seconds: Optional[float] = None,
        leastQuality: Optional[float] = None,
        threads: Optional[int] = None,
        memoryBytes: Optional[int] = None,
        engine: str = "auto",
        mirroring: Optional[bool] = None,
    ) -> Any:
        """Name the student of a family that keeps to a budget on this computer.

        Parameters
        ----------
        student
            Any student of the family: same training data, channels, classes and teacher.
        volumeNode
            What is to be segmented; None asks for no volume in particular, and less is known then.
        seconds, leastQuality, memoryBytes
            The longest that a case may take, the least acceptable mean Dice (0 to 1), the most memory of a run; None for any.
        threads, engine, mirroring
            As for :meth:`segment`.

        Returns
        -------
        KDSegmentatorLib.choosing.StudentChoice
            ``student`` is the one to use, or None; ``choice.why`` says why. A number that is limited and not known rejects.
        """
        from kdseg.choosing import Budget
        from KDSegmentatorLib.runs.preflight import choose_student
        from KDSegmentatorLib.runs.sources import node_source

        settings = self._settings(student, None, threads, memoryBytes, engine, mirroring)
        source = None if volumeNode is None else node_source(volumeNode)
        return choose_student(self.library, settings, source, Budget(seconds, memoryBytes, leastQuality))

    def installPackages(self, folder: Optional[Folder] = None, faster: Optional[bool] = None) -> bool:
        """Install what a run needs and is missing. Calling this is the consent.

        Parameters
        ----------
        folder
            A folder made by ``kdseg wheelhouse``, for a computer without internet; None takes the packages from the network.
        faster
            True takes ONNX Runtime with OpenVINO, False the usual one, None whichever is installed.

        Returns
        -------
        bool
            Whether something was installed.

        Raises
        ------
        kdseg.errors.InstallationError
            If it cannot be installed.
        """
        from KDSegmentatorLib.packages import Wish, ensure_installed

        wish = Wish(faster, None if folder is None else Path(folder))
        return ensure_installed(lambda _question: wish, wish=wish)

    def volumesTable(self, segmentationNode: Any, tableNode: Optional[Any] = None) -> Any:
        """Write voxels and millilitres of every structure to a table node, new or given, and return it."""
        from KDSegmentatorLib.mrml.tables import volumes_table

        return volumes_table(segmentationNode, tableNode)

    def _ready(self, *options: Any) -> RunSettings:
        """Return the settings of a run that is to start now."""
        from KDSegmentatorLib.runs.preflight import require_packages

        require_packages()
        return self._settings(*options)

    def _settings(  # noqa: PLR0917 - what the three ways to segment have in common
        self,
        student: Any,
        structures: Structures,
        threads: Optional[int],
        memory_bytes: Optional[int],
        engine: str,
        mirroring: Optional[bool],
    ) -> RunSettings:
        return make_settings(
            self.library,
            student,
            structures=structures,
            threads=threads,
            memory_bytes=memory_bytes,
            engine=engine,
            mirroring=mirroring,
            rates=self.rates,
            profiles=self.profiles,
        )


def _library(user_folder: str) -> StudentLibrary:
    return StudentLibrary(shipped_students_folder(), Path(user_folder) if user_folder else default_user_folder())


def _waited(run: Any) -> Any:
    run.wait()
    run.raise_for_outcome()
    return run
