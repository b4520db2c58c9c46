"""``kdseg doctor``: is everything here to run, and what is broken."""

from __future__ import annotations

import argparse
import importlib
import platform
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Callable, List, Mapping, Optional, Sequence, Tuple

from kdseg._version import __version__
from kdseg.cli.bundles import expand, installed_bundles, searched_folders
from kdseg.cli.console import Console, align, format_bytes
from kdseg.cli.failures import as_error
from kdseg.cli.runtime import Runtime
from kdseg.errors import KDSegError
from kdseg.hardware import Hardware, describe_hardware
from kdseg.limits import EngineName
from kdseg.versions import onnxruntime_variants, versions

REQUIRED: Mapping[str, str] = {
    "python": "3.9",
    "numpy": "1.22",
    "SimpleITK": "2.2",
    "onnxruntime": "1.19",
    "scikit-image": "0.22",
    "pillow": "10.1",
}
"""Lowest versions that work."""


MODULES: Mapping[str, str] = {
    "numpy": "numpy",
    "scipy": "scipy",
    "SimpleITK": "SimpleITK",
    "skimage": "scikit-image",
    "PIL": "pillow",
}
"""Packages that must load, with the distributions that bring them."""


@dataclass(frozen=True)
class Check:
    """One line of the examination; ``status`` is ``ok``, ``note`` or ``fault``."""

    subject: str
    status: str
    finding: str
    remedy: str = ""


def run_doctor(arguments: argparse.Namespace, runtime: Runtime, console: Console) -> int:
    """Examine, print, and return 0, or 1 if something is broken.

    Raises
    ------
    BundleIntegrityError
        If a folder was named that holds no bundle.
    """
    bundles = [*expand(arguments.bundles), *installed_bundles()]
    checks = [
        *check_versions(versions()),
        check_imports(),
        check_variants(onnxruntime_variants()),
        *check_hardware(describe_hardware()),
        *check_engines(debug=arguments.debug),
        *check_bundles(bundles, runtime, debug=arguments.debug),
    ]
    faults = [check for check in checks if check.status == "fault"]
    marks = {"ok": "ok", "note": "--", "fault": "FAULT"}
    console.say(f"kdseg {__version__}")
    for line in align([(marks[c.status], c.subject, c.finding) for c in checks]):
        console.say("  " + line)
    for fault in faults:
        console.say(f"To repair {fault.subject}: {fault.remedy}")
    console.say("Something is broken." if faults else "Everything that is needed works.")
    console.event("doctor", version=__version__, healthy=not faults, checks=[asdict(c) for c in checks])
    return int(bool(faults))


def check_versions(found: Mapping[str, str], required: Mapping[str, str] = REQUIRED) -> List[Check]:
    """Compare installed versions, by distribution, with what is required."""
    checks = []
    for name, lowest in required.items():
        version = _version_of(name, found)
        status = "ok" if version is not None and _numbers(version) >= _numbers(lowest) else "fault"
        remedy = "" if status == "ok" else f"Install {name} {lowest} or newer."
        checks.append(Check(name, status, f"{version or 'not installed'} (needs {lowest} or newer)", remedy))
    return checks


def check_imports(modules: Mapping[str, str] = MODULES) -> Check:
    """Load every package: one that is installed may still be broken."""
    broken = {}
    for module, distribution in modules.items():
        try:
            importlib.import_module(module)
        except Exception as error:  # noqa: BLE001 – a broken package may raise anything while it loads
            broken[distribution] = f"{module}: {error}"
    if not broken:
        return Check("packages", "ok", "all of them load")
    return Check("packages", "fault", "; ".join(broken.values()), f"Install {', '.join(broken)} again.")


def check_variants(variants: Sequence[str]) -> Check:
    """Two variants of ONNX Runtime share one folder: which one runs, and whether it works, is left to chance."""
    if len(variants) < 2:
        return Check("ONNX Runtime", "ok", "one variant: " + "".join(variants) if variants else "no distribution is registered")
    keep = next((v for v in variants if v != "onnxruntime"), variants[0])
    remedy = f"Run `python -m pip uninstall -y {' '.join(variants)}`, then install one of them, for example {keep}."
    return Check("ONNX Runtime", "fault", f"{len(variants)} variants side by side: {', '.join(variants)}", remedy)


def check_hardware(hardware: Hardware) -> List[Check]:
    """Describe the computer; nothing here is a fault."""
    total = "unknown" if hardware.ram_total_bytes is None else format_bytes(hardware.ram_total_bytes)
    available = "unknown" if hardware.ram_available_bytes is None else format_bytes(hardware.ram_available_bytes)
    memory = f"{total}, {available} available"
    if hardware.memory_limit_bytes is not None:
        memory += f", limited to {format_bytes(hardware.memory_limit_bytes)}"
    cpus = f"{hardware.cpu_model or 'unknown model'}, {hardware.cpus_available} of {hardware.cpus_total} CPUs usable"
    return [
        Check(
            "system", "ok", f"{hardware.system} on {hardware.machine}, Python {platform.python_version()} ({sys.executable})"
        ),
        Check("processor", "ok", cpus),
        Check("memory", "ok", memory),
    ]


def check_engines(*, debug: bool) -> List[Check]:
    """Run a tiny network on every engine that is there; only the CPU must be."""
    try:
        from kdseg.inference.providers import describe

        engines = describe()
    except ImportError as error:
        return [Check("engine cpu", "fault", f"ONNX Runtime cannot be imported: {error}", "Install onnxruntime again.")]
    checks = []
    for engine in engines:
        subject = f"engine {engine.name.value}"
        if engine.available:
            checks.append(_attempt(subject, lambda name=engine.name: _probe(name), debug=debug))  # type: ignore[misc]
        else:
            status = "fault" if engine.name is EngineName.CPU else "note"
            checks.append(Check(subject, status, engine.note, "Install onnxruntime again." if status == "fault" else ""))
    return checks


def check_bundles(bundles: Sequence[Path], runtime: Runtime, *, debug: bool) -> List[Check]:
    """Check hashes and self-test of every bundle."""
    if not bundles:
        return [
            Check(
                "students",
                "note",
                "none found in " + ", ".join(map(str, searched_folders())) + "; name a bundle or a folder of them to check it",
            )
        ]
    return [_attempt(b.name, lambda path=b: _self_test(path, runtime), debug=debug) for b in bundles]  # type: ignore[misc]


def _probe(name: EngineName) -> str:
    from kdseg.cli.probe import probe_engine

    return f"{probe_engine(name)} computes as it should"


def _self_test(path: Path, runtime: Runtime) -> str:
    student = runtime.load_student(path)
    result = runtime.self_test(student, threads=1, engine=EngineName.CPU)
    return f"{student.name} {student.version}: hashes and {result.compared:,} decisions of the self-test fit"


def _attempt(subject: str, examine: Callable[[], str], *, debug: bool) -> Check:
    try:
        return Check(subject, "ok", examine())
    except Exception as raised:  # noqa: BLE001 – whatever fails is what the examination looks for
        error: KDSegError = as_error(raised, debug=debug)
        finding = error.problem + (f" Found: {error.found}." if error.found else "")
        return Check(subject, "fault", finding, error.remedy or "Replace it.")


def _version_of(name: str, found: Mapping[str, str]) -> Optional[str]:
    if name == "onnxruntime" and name not in found:
        return next((version for other, version in found.items() if other.startswith(("onnxruntime", "ort-nightly"))), None)
    return found.get(name)


def _numbers(version: str) -> Tuple[int, ...]:
    """Return the leading numbers of a version: ``2.0.1rc1`` gives (2, 0, 1)."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(n) for n in match.group().split(".")) if match else (0,)
