"""Measure subjects side by side: all in processes of their own, one run at a time, in rounds whose order rotates."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, List, Mapping, Optional, Sequence

from kdseg.errors import Cancelled, ChannelError, KDSegError, PathLike
from kdseg.hardware import this_machine
from kdseg.versions import versions
from kdseg.wording import counted
from kdseg_training.profiling.doubts import doubts
from kdseg_training.profiling.fingerprint import fingerprint
from kdseg_training.profiling.journal import Journal
from kdseg_training.profiling.json_data import from_data
from kdseg_training.profiling.lanes import Lane, next_lanes
from kdseg_training.profiling.machine_peaks import PeakLanes
from kdseg_training.profiling.request import ProfileRequest, SyntheticVolume
from kdseg_training.profiling.results import Profile, ProfileSettings, VolumeFacts
from kdseg_training.profiling.subject_process import SubjectProcess
from kdseg_training.profiling.subject_settings import SubjectPlan, subject_plans
from kdseg_training.profiling.subjects import Quality, SubjectProfile
from kdseg_training.profiling.volumes import no_volume, stage_files, synthetic_facts, write_synthetic
from kdseg_training.profiling.worker_loop import DESCRIBE

WORK_PREFIX = "kdseg-profile-"
"""How the names of temporary folders begin."""


@dataclass(frozen=True)
class ProfileProgress:
    """How far it is: the share of all runs, the seconds left (None while unknown), and what is running."""

    fraction: float
    seconds_left: Optional[float]
    text: str


ProgressCallback = Callable[[ProfileProgress], None]


def profile(
    request: ProfileRequest,
    *,
    progress: ProgressCallback = lambda _progress: None,
    cancel: Callable[[], bool] = lambda: False,
    journal: Optional[PathLike] = None,
    command: Sequence[str] = (),
    on_described: Callable[[Sequence[str]], None] = lambda _keys: None,
    work: Optional[PathLike] = None,
) -> Profile:
    """Profile students and teachers on this machine.

    Parameters
    ----------
    request
        What to measure.
    progress
        Told of every step.
    cancel
        Asked at least ten times a second; True ends everything.
    journal
        A JSON file in which every finished run is kept; runs that it holds of the same request are not repeated.
    command
        Words for the profile that repeat it.
    on_described
        Told the keys of all subjects before the first run; may raise.
    work
        An empty folder for volume and label maps, left to the caller; None: a temporary one that is removed.

    Returns
    -------
    Profile
        Also where single runs failed: :attr:`~kdseg_training.profiling.runs.Measurement.error` says why.

    Raises
    ------
    KDSegError
        If a subject or the volume cannot be opened, or no subject has a single counted run (the first error).
    Cancelled
        If ``cancel`` returned True.
    """
    with ExitStack() as stack:
        folder = Path(work or stack.enter_context(tempfile.TemporaryDirectory(prefix=WORK_PREFIX)))
        session = _Session(request, folder, stack, progress, cancel)
        session.describe()
        on_described(session.keys())
        session.open(journal)
        session.run_rounds()
        return session.result(command)


class _Session:
    def __init__(
        self,
        request: ProfileRequest,
        folder: Path,
        stack: ExitStack,
        progress: ProgressCallback,
        cancel: Callable[[], bool],
    ) -> None:
        self._request, self._folder, self._stack = request, folder, stack
        self._tell, self._cancel = progress, cancel
        self._plans: List[SubjectPlan] = subject_plans(request, folder)
        self._lanes: List[Lane] = []
        self._facts: List[Mapping[str, Any]] = []
        self._volume: Optional[VolumeFacts] = None
        self._journal: Optional[Journal] = None
        self._notes: List[str] = []
        self._rounds = request.warm_ups + request.repetitions
        self._peaks = PeakLanes(request.threads if request.machine_peak else (), folder, cancel)

    def describe(self) -> None:
        """Read the user's volume and ask every subject what it is."""
        if self._request.volume_paths:
            self._stage(self._request.volume_paths)  # before anything slow
        for index, plan in enumerate(self._plans):
            self._tell(ProfileProgress(0.0, None, f"Checking {plan.shown}"))
            self._facts.append(self._describe(plan))
            self._lanes += [Lane(index, threads, plan.workers) for threads in self._request.threads]
        self._check_channels()

    def keys(self) -> List[str]:
        """Return the keys of all subjects."""
        return [self._key(index) for index in range(len(self._plans))]

    def open(self, journal: Optional[PathLike]) -> None:
        """Lay the volume ready and start every process that has something left to run."""
        self._stack.callback(self._peaks.close)
        if self._volume is None:
            self._synthesise()
        if journal is not None:
            digests = tuple(str(facts["sha256"]) for facts in self._facts)
            self._journal = Journal(journal, self._request, digests, this_machine())
            for lane in self._lanes:
                self._journal.fill(lane)
        for lane in self._lanes:
            if len(lane.outcomes) < self._rounds:
                self._start(lane)
        if any(lane.process is not None for lane in self._lanes):
            self._peaks.open()

    def _describe(self, plan: SubjectPlan) -> Mapping[str, Any]:
        """Ask a process of its own, because checking a subject needs memory that a run does not."""
        threads = self._request.threads[0]
        settings = plan.write_settings(threads)
        with SubjectProcess(plan.module, settings, threads, python=plan.python, cancel=self._cancel) as process:
            process.start()
            return process.ask(DESCRIBE)

    def _start(self, lane: Lane) -> None:
        plan, found = self._plans[lane.subject], self._facts[lane.subject]["settings"]
        self._tell(ProfileProgress(0.0, None, f"Starting {plan.shown}, {counted(lane.threads, 'thread')}"))
        settings = plan.write_settings(lane.threads, **found)
        lane.process = SubjectProcess(plan.module, settings, lane.threads, python=plan.python, cancel=self._cancel)
        self._stack.callback(lane.process.close)
        lane.start_s = lane.process.start()

    def _check_channels(self) -> None:
        needed = {plan.shown: int(self._facts[i]["channels"]) for i, plan in enumerate(self._plans)}
        given = len(self._request.volume_paths)
        if len(set(needed.values())) > 1 or (given and given not in needed.values()):
            found = ", ".join(f"{name}: {count}" for name, count in needed.items())
            raise ChannelError(
                "The subjects cannot share one volume.",
                expected=f"{given} channels for each, as files are given" if given else "the same number of channels for all",
                found=found,
                remedy="Profile them apart, or give one file for each channel.",
            )

    def _stage(self, paths: Sequence[str]) -> None:
        staged, self._volume, notes = stage_files(paths, self._folder, for_nnunet=bool(self._request.teachers))
        self._notes += notes
        self._list_volume(staged)

    def _synthesise(self) -> None:
        wanted = self._request.synthetic
        if wanted is None:
            typical = self._facts[0]["typical_volume"]
            if typical is None:
                raise no_volume(self._plans[0].shown)
            wanted = from_data(SyntheticVolume, typical)
        self._tell(ProfileProgress(0.0, None, "Making the volume"))
        channels = int(self._facts[0]["channels"])
        self._list_volume(write_synthetic(wanted, channels, self._folder))
        self._volume = synthetic_facts(wanted, channels)

    def _list_volume(self, paths: Sequence[Path]) -> None:
        (self._folder / "volume.json").write_text(json.dumps([str(path) for path in paths]), encoding="utf-8")

    def run_rounds(self) -> None:
        """Run every lane in every round; a lane that failed is left out from then on."""
        for number in range(self._rounds):
            waiting = [lane for lane in next_lanes(self._lanes, number) if lane.error is None and len(lane.outcomes) <= number]
            if waiting:
                self._peaks.run_once()
            for lane in waiting:
                self._run(lane, number)

    def _run(self, lane: Lane, number: int) -> None:
        def told(share: float) -> None:
            done = sum(len(one.outcomes) for one in self._lanes)
            fraction = (done + share) / (self._rounds * len(self._lanes))
            text = f"Round {number + 1} of {self._rounds}: {self._key(lane.subject)}, {counted(lane.threads, 'thread')}"
            self._tell(ProfileProgress(min(fraction, 1.0), self._left(lane, share), text))

        told(0.0)
        try:
            lane.run(number, number < self._request.warm_ups, told)
        except Cancelled:
            raise
        except KDSegError as error:
            lane.error = error
            self._notes.append(f"{self._key(lane.subject)} with {counted(lane.threads, 'thread')} failed: {error.problem}")
            return
        if self._journal is not None:
            self._journal.write(self._lanes)

    def _left(self, running: Lane, share: float) -> Optional[float]:
        open_lanes = [lane for lane in self._lanes if lane.error is None]
        if any(lane.seconds is None for lane in open_lanes):
            return None
        left = sum((self._rounds - len(lane.outcomes)) * (lane.seconds or 0.0) for lane in open_lanes)
        return max(0.0, left - share * (running.seconds or 0.0))

    def result(self, command: Sequence[str]) -> Profile:
        """Return the profile; raise the first error if nothing at all was measured."""
        failed = [lane.error for lane in self._lanes if lane.error is not None]
        if failed and len(failed) == len(self._lanes) and not any(lane.measurement().counted for lane in self._lanes):
            raise failed[0]
        subjects = tuple(self._subject(index) for index in range(len(self._plans)))
        request, volume = self._request, self._volume
        if volume is None:
            raise no_volume(self._plans[0].shown)
        found = dict(versions())
        for facts in self._facts:
            found.update(facts["versions"])
        return Profile(
            created_utc=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            command=tuple(command),
            volume=volume,
            settings=ProfileSettings(
                repetitions=request.repetitions,
                warm_ups=request.warm_ups,
                threads=request.threads,
                mirroring=request.mirroring,
                tile_step_size=request.tile_step_size,
                engine=request.engine.value,
            ),
            machine=this_machine(),
            hardware=fingerprint(),
            versions=found,
            machine_peaks=self._peaks.peaks(),
            subjects=subjects,
            warnings=tuple(dict.fromkeys([*self._notes, *self._subject_notes(), *doubts(subjects)])),
        )

    def _subject_notes(self) -> List[str]:
        return [f"{self._key(i)}: {note}" for i, facts in enumerate(self._facts) for note in facts["notes"]]

    def _key(self, index: int) -> str:
        names = [plan.name or str(self._facts[i]["name"]) for i, plan in enumerate(self._plans)]
        earlier = names[:index].count(names[index])
        return names[index] if not earlier else f"{names[index]} ({earlier + 1})"

    def _subject(self, index: int) -> SubjectProfile:
        plan, facts = self._plans[index], self._facts[index]
        lanes = [lane for lane in self._lanes if lane.subject == index]
        last = next((lane.outcomes[-1] for lane in lanes if lane.outcomes), None)
        return SubjectProfile(
            key=self._key(index),
            kind=plan.kind,
            path=plan.path,
            sha256=str(facts["sha256"]),
            capacity=str(facts["capacity"]),
            size_bytes=int(facts["size_bytes"]),
            parameters=int(facts["parameters"]),
            patch_size=tuple(int(n) for n in facts["patch_size"]),
            patches=0 if last is None else last.patches,
            passes=0 if last is None else last.passes,
            flops_per_pass=None if facts["flops_per_pass"] is None else int(facts["flops_per_pass"]),
            mirroring_axes=tuple(int(a) for a in facts["mirroring_axes"]),
            tile_step_size=float(facts["tile_step_size"]),
            quality=None if facts["quality"] is None else from_data(Quality, facts["quality"]),
            measurements=tuple(lane.measurement() for lane in lanes),
            sides_exchanged=bool(facts["sides_exchanged"]),
        )
