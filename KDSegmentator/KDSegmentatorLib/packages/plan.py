"""What would be done, decided without doing anything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import AbstractSet, List, Mapping, Optional, Tuple

from kdseg.cli.wheelhouse import Target, canonical_name, runtime_requirements
from KDSegmentatorLib.packages.inventory import missing_packages, onnxruntime_variants

FASTER_VARIANT = "onnxruntime-openvino"
USUAL_VARIANT = "onnxruntime"

_PINNABLE = re.compile(r"([0-9]+!)?[0-9]+(\.[0-9]+)*((a|b|rc)[0-9]+)?(\.post[0-9]+)?(\.dev[0-9]+)?(\+[A-Za-z0-9.]+)?")


@dataclass(frozen=True)
class Wish:
    """What the user chose.

    Attributes
    ----------
    faster
        True: OpenVINO's variant of ONNX Runtime; False: the usual one; None: whichever is installed, else the usual one.
    folder
        A folder of packages made by ``kdseg wheelhouse``; None to install from the network.
    """

    faster: Optional[bool] = None
    folder: Optional[Path] = None


@dataclass(frozen=True)
class Plan:
    """The steps, in this order.

    Attributes
    ----------
    uninstall
        Distributions that go first: no two variants of ONNX Runtime are ever side by side.
    install
        What pip is asked for.
    constraints
        ``name==version`` of everything else that is installed: pip must not touch any of it.
    folder
        As in :class:`Wish`.
    """

    uninstall: Tuple[str, ...]
    install: Tuple[str, ...]
    constraints: Tuple[str, ...]
    folder: Optional[Path]

    @property
    def nothing_to_do(self) -> bool:
        """Whether everything is there as wished."""
        return not (self.uninstall or self.install)


def plan_installation(target: Target, installed: Mapping[str, str], wish: Wish) -> Plan:
    """Decide what to uninstall and install.

    Parameters
    ----------
    target
        This computer and its Python.
    installed
        Versions by canonical name.
    wish
        What the user chose.

    Raises
    ------
    InstallationError
        If the faster variant is wished and there is none for this computer.
    """
    variants, missing = onnxruntime_variants(installed), missing_packages(installed)
    faster = _is_faster(variants, wish)
    wanted = runtime_requirements(target, faster=faster)
    runtime_is_right = len(variants) == 1 and (wish.faster is None or (variants[0] == FASTER_VARIANT) == faster)
    runtime_is_missing = not runtime_is_right or any(requirement_name(r) == USUAL_VARIANT for r in missing)
    install: List[str] = []
    if runtime_is_missing:
        install += [r for r in wanted if requirement_name(r) != "scikit-image"]
    if any(requirement_name(r) == "scikit-image" for r in missing):
        install += [r for r in wanted if requirement_name(r) == "scikit-image"]
    names = {requirement_name(r) for r in install}
    same = len(variants) == 1 and variants[0] in names  # pip replaces an older version by itself
    uninstall = variants if runtime_is_missing and not same else ()
    changed = {*uninstall, *names}
    return Plan(uninstall, tuple(install), make_constraints(installed, changed) if install else (), wish.folder)


def make_constraints(installed: Mapping[str, str], changed: AbstractSet[str]) -> Tuple[str, ...]:
    """Return ``name==version`` of everything but ``changed``; versions that pip cannot read are left out."""
    return tuple(
        f"{name}=={version}"
        for name, version in sorted(installed.items())
        if name not in changed and _PINNABLE.fullmatch(version) is not None
    )


def requirement_name(requirement: str) -> str:
    """Return the canonical name in front of the versions."""
    return canonical_name(re.split(r"[<>=!~; \[]", requirement, maxsplit=1)[0])


def _is_faster(variants: Tuple[str, ...], wish: Wish) -> bool:
    return FASTER_VARIANT in variants if wish.faster is None else wish.faster
