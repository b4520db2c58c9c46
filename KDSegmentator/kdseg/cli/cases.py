"""Which images belong together, and where each result goes. Everything is decided, and refused, before any work starts."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from kdseg.cli.formats import FORMATS, file_format
from kdseg.errors import ChannelError, InputError, OutputError

IMAGE_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")
"""Suffixes of images; a folder that holds one of them is taken as a folder of images, any other as a DICOM series."""

_CHANNEL = re.compile(r"^(?P<case>.+)_(?P<channel>\d{4})$")


@dataclass(frozen=True)
class Case:
    """One volume to segment.

    Attributes
    ----------
    name
        File or folder name without its suffix.
    paths
        One file for each channel, or one DICOM folder.
    """

    name: str
    paths: Tuple[Path, ...]


@dataclass(frozen=True)
class Plan:
    """One case and every file that its run will leave.

    Attributes
    ----------
    case
        The input.
    outputs
        Label files, one for each format.
    report, picture
        Report and picture, where they were asked for.
    usual_report
        Where an earlier run would have left its report; it is removed when its results are replaced.
    """

    case: Case
    outputs: Tuple[Path, ...]
    report: Optional[Path] = None
    picture: Optional[Path] = None
    usual_report: Optional[Path] = None

    @property
    def targets(self) -> Tuple[Path, ...]:
        """Every file that will be written."""
        return self.outputs + tuple(p for p in (self.report, self.picture) if p is not None)


def find_cases(images: Sequence[str], channels: int) -> List[Case]:
    """Group what the user named into cases.

    Parameters
    ----------
    images
        Each a file, a DICOM series folder, a folder of images, or for several channels files joined by commas.
    channels
        Number of channels of the student. In a folder of images, files of several channels belong together by nnU-Net's
        names: ``case_0000.nii.gz``, ``case_0001.nii.gz``; with one channel ``_0000`` is no part of the name either, unless
        several images of the folder differ in that number only.

    Raises
    ------
    InputError
        If something does not exist or holds no image.
    ChannelError
        If a case has not one file for each channel.
    """
    cases: List[Case] = []
    counted: Dict[Path, Mapping[str, int]] = {}
    for image in images:
        path = Path(image)
        if path.is_dir():
            cases.extend(_cases_in(path, channels))
        else:
            paths = (path,) if path.exists() else tuple(Path(p) for p in image.split(",") if p)
            cases.append(_case_of(paths, channels, counted))
    return cases


def plan_outputs(
    cases: Sequence[Case],
    out: Optional[str],
    formats: Sequence[str] = (),
    *,
    folders: Sequence[str] = (),
    report: Optional[str] = None,
    picture: Optional[str] = None,
) -> List[Plan]:
    """Decide where each result goes.

    Parameters
    ----------
    cases
        From :func:`find_cases`.
    out
        A file (one case only), a folder, or None for beside each input as ``<name>.seg.<format>``. A folder is what exists as
        one, ends with a slash, or has no suffix.
    formats
        Suffixes from :data:`~kdseg.cli.formats.FORMATS`; by default that of ``out``, else ``seg.nrrd``.
    folders
        What the user named as folders of images: a result that would be one of their images the next time is refused.
    report, picture
        A file (one case only), an empty string for a file beside the result, or None for none.

    Raises
    ------
    OutputError
        If ``out`` has a suffix that cannot be written or nothing before it, or is a file that exists where a folder is meant,
        or if a result would replace an input or another result, or be taken for an image of its folder by the next run.
    """
    wanted = None if out is None else file_format(out)
    for option, value in (("-o", out if wanted else None), ("--report", report), ("--picture", picture)):
        if value and len(cases) > 1:
            raise OutputError(
                f"{option} names one file, but there are {len(cases)} cases.", path=value, remedy="Give -o a folder."
            )
    plans = []
    for case in cases:
        outputs, stem = _outputs(case, out, wanted, formats)
        plans.append(
            Plan(
                case,
                outputs,
                _beside(report, stem, ".report.json"),
                _beside(picture, stem, ".png"),
                usual_report=_beside("", stem, ".report.json"),
            )
        )
    _refuse_collisions(plans)
    _refuse_among_images(plans, [Path(folder) for folder in folders])
    return plans


def refuse_existing(plans: Iterable[Plan], *, skip_done: bool = False) -> None:
    """Refuse to replace files that exist.

    Parameters
    ----------
    plans
        The cases that are to run.
    skip_done
        Whether finished cases were left out of ``plans``; then a result that exists is one without its proof.

    Raises
    ------
    OutputError
        Naming the first of them with its case, and how many there are.
    """
    existing = [(plan, t) for plan in plans for t in plan.targets if t.exists()]
    if not existing:
        return
    plan, path = existing[0]
    more = f", like {len(existing) - 1} more" if len(existing) > 1 else ""
    if not skip_done:
        raise OutputError(
            f"It exists already{more}.",
            path=path,
            remedy="Use --overwrite to replace results, --skip-done to keep finished ones, or -o for another place.",
        )
    missing = plan.report is None or not plan.report.exists()
    raise OutputError(
        f"It exists already{more}, but the case {plan.case.name} is not known to be done: "
        + ("its report is missing." if missing else "its report does not fit the inputs, the results or the options."),
        expected="" if plan.report is None else f"the report {plan.report} of this very run",
        path=path,
        remedy="Use --overwrite to do it again (cases that are done are still skipped), or -o for another place.",
    )


def stem_of(path: Path) -> str:
    """Return the name of an image without its suffix; of a folder its name."""
    lower = path.name.lower()
    for suffix in IMAGE_SUFFIXES:
        if lower.endswith(suffix) and len(lower) > len(suffix):
            return path.name[: -len(suffix)]
    return path.name or path.resolve().name


def _case_of(paths: Tuple[Path, ...], channels: int, counted: Dict[Path, Mapping[str, int]]) -> Case:
    """Return the case of some files; the names in each folder are ``counted`` once, for all cases in it."""
    for path in paths:
        if not path.exists():
            raise InputError("There is no such file or folder.", path=path, remedy="Check the path.")
    if len(paths) != channels:
        raise ChannelError(
            "The case has not one file for each channel of the student.",
            expected=f"{channels} file(s)",
            found=f"{len(paths)} file(s)",
            path=",".join(map(str, paths)),
            remedy="Join the files of one case with commas, in the order of the channels that `kdseg info` lists.",
        )
    name = stem_of(paths[0])
    match = _CHANNEL.match(name)
    if match and channels > 1:
        return Case(match["case"], paths)
    if match is None or paths[0].is_dir():
        return Case(name, paths)
    folder = paths[0].parent
    if folder not in counted:
        counted[folder] = _names_without_channel(_images_in(folder))
    return Case(_name_of_one(paths[0], counted[folder]), paths)


def _images_in(folder: Path) -> List[Path]:
    """Return the images of a folder; of one that may not be listed none, so that names of its files are kept whole."""
    try:
        return [p for p in folder.iterdir() if _is_image(p)]
    except OSError:
        return []


def _name_of_one(path: Path, names: Mapping[str, int]) -> str:
    """Return the name of a case of one channel: without nnU-Net's ``_0000``, unless other images are told apart by it."""
    stem = stem_of(path)
    match = _CHANNEL.match(stem)
    return match["case"] if match and match["channel"] == "0000" and names[match["case"]] == 1 else stem


def _names_without_channel(images: Iterable[Path]) -> Mapping[str, int]:
    """Return how many images have each name without its number."""
    matches = ((stem_of(p), _CHANNEL.match(stem_of(p))) for p in images)
    return Counter(match["case"] if match else stem for stem, match in matches)


def _cases_in(folder: Path, channels: int) -> List[Case]:
    try:
        files = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    except OSError as error:
        raise InputError("The folder cannot be read.", found=error.strerror or str(error), path=folder) from error
    images = [p for p in files if _is_image(p)]
    if not images:
        if not files:
            raise InputError(
                "The folder holds no image and no DICOM file.",
                expected="a DICOM series, or images ending in " + ", ".join(IMAGE_SUFFIXES),
                path=folder,
                remedy="Give the folder of the series itself, not the one above it.",
            )
        return [Case(stem_of(folder), (folder,))]
    if channels == 1:
        names = _names_without_channel(images)
        return [Case(_name_of_one(p, names), (p,)) for p in images]
    grouped: Dict[str, List[Path]] = {}
    for path in images:
        match = _CHANNEL.match(stem_of(path))
        grouped.setdefault(match["case"] if match else stem_of(path), []).append(path)
    return [_channels_in_order(name, paths, channels) for name, paths in grouped.items()]


def _channels_in_order(name: str, paths: List[Path], channels: int) -> Case:
    numbers = [stem_of(p)[-5:] for p in paths]
    if numbers != [f"_{i:04d}" for i in range(channels)]:
        raise ChannelError(
            f"The case {name} has not one file for each channel of the student.",
            expected=", ".join(f"{name}_{i:04d}" for i in range(channels)),
            found=", ".join(p.name for p in paths),
            path=paths[0].parent,
            remedy="Name the channels as nnU-Net does, or join the files of a case with commas.",
        )
    return Case(name, tuple(paths))


def _is_image(path: Path) -> bool:
    lower = path.name.lower()
    return lower.endswith(IMAGE_SUFFIXES) and not any(lower.endswith(f".seg.{f}") for f in ("nrrd", *FORMATS))


def _outputs(case: Case, out: Optional[str], named: Optional[str], formats: Sequence[str]) -> Tuple[Tuple[Path, ...], Path]:
    """Return the label files of a case, and the path without suffix that its report and picture share.

    ``named`` is the format of the file that ``out`` names; None for a folder.
    """
    wanted = tuple(dict.fromkeys(formats)) or (named or "seg.nrrd",)
    if out is None:
        first = case.paths[0] if case.paths[0].name else case.paths[0].resolve()
        stem = first.parent / case.name
        return tuple(stem.with_name(f"{case.name}.seg.{f[4:] if f == 'seg.nrrd' else f}") for f in wanted), stem
    if named is None:
        stem = Path(out) / case.name
        return tuple(stem.with_name(f"{case.name}.{f}") for f in wanted), stem
    if wanted != (named,):
        raise OutputError(
            "The suffix of -o and --format disagree.",
            expected=f".{named}",
            found=", ".join(wanted),
            path=out,
            remedy="Leave out --format, or give -o a folder.",
        )
    return (Path(out),), Path(out[: -len(named) - 1])


def _beside(value: Optional[str], stem: Path, suffix: str) -> Optional[Path]:
    if value is None:
        return None
    return Path(value) if value else stem.with_name(stem.name + suffix)


def _refuse_collisions(plans: Sequence[Plan]) -> None:
    inputs = {name for plan in plans for p in plan.case.paths for name in _identities(p)}
    seen: Dict[object, str] = {}
    for plan in plans:
        for target in plan.targets:
            names = _identities(target)
            if target.is_dir():
                raise OutputError("A folder has the name of the result.", path=target, remedy="Choose another name with -o.")
            if not inputs.isdisjoint(names):
                raise OutputError(
                    "The result would replace an input image.", path=target, remedy="Choose another name or folder with -o."
                )
            if not inputs.isdisjoint(_identities(target.parent)):
                raise OutputError(
                    "The result would lie among the files of a DICOM series.",
                    path=target,
                    remedy="Choose another folder with -o.",
                )
            other = next((seen[name] for name in names if name in seen), None)
            if other is not None:
                raise OutputError(
                    "Two results would be written to this file.",
                    found=f"the cases {other} and {plan.case.name}" if other != plan.case.name else "",
                    path=target,
                    remedy="Choose a folder for each with -o, give the inputs different names, or leave out a --format.",
                )
            seen.update(dict.fromkeys(names, plan.case.name))


def _refuse_among_images(plans: Sequence[Plan], folders: Sequence[Path]) -> None:
    named = {name for folder in folders for name in _identities(folder)}
    for target in (target for plan in plans for target in plan.outputs if _is_image(target)):
        if not named.isdisjoint(_identities(target.parent)):
            raise OutputError(
                "The result would lie among the images, and the next run would take it for one.",
                expected="another folder, or the format seg.nrrd",
                path=target,
                remedy="Choose another folder with -o, or leave -o out: results beside images end in .seg.nii.gz and the like.",
            )


def _identities(path: Path) -> Tuple[object, ...]:
    """Return what all ways to write a path share: its name without links and ``..``, and where it exists the file itself.

    The second is what :func:`os.path.samefile` compares. It tells for hard links, and on disks that ignore capitals.
    """
    name = os.path.normcase(path.resolve())
    try:
        status = path.stat()
    except OSError:
        return (name,)
    return (name, (status.st_dev, status.st_ino)) if status.st_ino else (name,)
