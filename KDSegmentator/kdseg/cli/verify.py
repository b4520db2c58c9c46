"""``kdseg verify``: hashes and self-test of bundles."""

from __future__ import annotations

import argparse
from pathlib import Path

from kdseg.cli.bundles import expand
from kdseg.cli.console import Console
from kdseg.cli.failures import as_error, common_exit_code
from kdseg.cli.runtime import Runtime
from kdseg.limits import EngineName, available_cpus


def run_verify(arguments: argparse.Namespace, runtime: Runtime, console: Console) -> int:
    """Check every bundle, print what was checked, and return the exit code.

    Raises
    ------
    BundleIntegrityError
        If a folder holds no bundle.
    """
    codes = []
    for bundle in expand(arguments.bundles):
        try:
            verify_bundle(
                bundle, runtime, console, threads=arguments.threads or available_cpus(), engine=EngineName(arguments.engine)
            )
        except Exception as raised:  # noqa: BLE001 – the other bundles are checked as well; the error is shown and counted
            error = as_error(raised, debug=arguments.debug)
            console.error(error, path_checked=str(bundle))
            codes.append(error.exit_code)
    return common_exit_code(codes)


def verify_bundle(bundle: Path, runtime: Runtime, console: Console, *, threads: int, engine: EngineName) -> None:
    """Check one bundle and print what was checked.

    Raises
    ------
    BundleError
        If a check fails.
    EngineError
        If the network cannot run here.
    """
    student = runtime.load_student(bundle)
    result = runtime.self_test(student, threads=threads, engine=engine)
    members = student.document.get("members", [])
    console.say(f"{bundle}: {student.name} {student.version} is intact")
    console.say(f"  size and SHA-256 of {len(members)} members, schema, labels and operators of the network: as they should be")
    console.say(f"  self-test: {result.compared:,} decisions, all as where it was exported")
    console.say(f"  SHA-256 of the file: {student.digest}")
    console.event(
        "verified",
        path=str(bundle),
        name=student.name,
        version=student.version,
        sha256=student.digest,
        members=len(members),
        decisions=result.compared,
    )
