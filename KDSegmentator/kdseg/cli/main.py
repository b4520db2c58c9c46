"""``kdseg``: the parser, the dispatch to the commands, and what becomes of their errors."""

from __future__ import annotations

import argparse
import math
import os
import sys
from typing import Callable, Dict, Optional, Sequence

from kdseg._version import __version__
from kdseg.cli.console import Console, tolerate_any_name
from kdseg.cli.failures import as_error
from kdseg.cli.formats import FORMATS
from kdseg.cli.runtime import Runtime
from kdseg.errors import Cancelled
from kdseg.limits import EngineName

_DESCRIPTION = "Segment medical volumes with distilled nnU-Net students on a CPU, offline. For research use only."

_EXIT_CODES = """\
exit codes:
    0  everything went well
    1  several kinds of errors, a fault that doctor found, or a bug
    2  the command line is wrong
    3  an image or series is not usable
    4  a student bundle is not usable or not supported
    5  the memory ceiling is too low
    6  a result cannot be written
    7  the inference engine is missing or failed
    8  a trained model cannot become a bundle (kdseg-training only)
    9  a student cannot be trained (kdseg-training only)
   10  packages are missing, or cannot be collected or installed
   11  the process that computes ended without a result
  130  cancelled
"""

_SEGMENT = """\
IMAGE is a NIfTI, NRRD or MHA file, the folder of one DICOM series, or a folder of images (all of them).
For a student with several channels, join the files of a case with commas (t1.nii.gz,t2.nii.gz), or give a folder
with nnU-Net's names (case_0000.nii.gz, case_0001.nii.gz).

examples:
  kdseg segment t1.nii.gz -m hippocampus.kdseg.zip
  kdseg segment scans/ -m hippocampus.kdseg.zip -o results/ --report --picture --skip-done
"""


def main(argv: Optional[Sequence[str]] = None, *, runtime: Optional[Runtime] = None) -> int:
    """Run the command line and return its exit code; see ``kdseg --help`` for the codes.

    Parameters
    ----------
    argv
        The words after the program's name; by default those of the process.
    runtime
        What the commands run; by default this package.
    """
    tolerate_any_name(sys.stdout, sys.stderr)
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        arguments = build_parser().parse_args(words)
    except SystemExit as stop:  # argparse has printed its message
        return stop.code if isinstance(stop.code, int) else 2
    arguments.command_line = ["kdseg", *words]
    console = Console(json_lines=arguments.json, quiet=getattr(arguments, "quiet", False))
    _limit_blas(getattr(arguments, "threads", None))
    try:
        return _COMMANDS[arguments.command](arguments, runtime or Runtime(), console)
    except KeyboardInterrupt:
        console.error(Cancelled("Cancelled."))
        return Cancelled.exit_code
    except BrokenPipeError:  # whoever read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as raised:  # noqa: BLE001 – the last border: every failure is one message and an exit code
        error = as_error(raised, debug=arguments.debug)
        console.error(error)
        return error.exit_code


def _limit_blas(threads: Optional[int]) -> None:
    """Let NumPy's matrix products use as many threads as the run may; they are set once, when NumPy is loaded."""
    if threads is not None and "numpy" not in sys.modules:
        for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
            os.environ.setdefault(variable, str(threads))


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="kdseg", description=_DESCRIPTION, epilog=_EXIT_CODES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"kdseg {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_segment(commands)
    info = _add_command(commands, "info", "show the card of a student")
    info.add_argument("bundle", metavar="BUNDLE", help="a .kdseg.zip file")
    verify = _add_command(commands, "verify", "check the hashes of bundles and run their self-tests")
    verify.add_argument("bundles", metavar="BUNDLE", nargs="+", help="a .kdseg.zip file, or a folder of them")
    _add_engine(verify)
    doctor = _add_command(commands, "doctor", "check this installation and computer")
    doctor.add_argument("bundles", metavar="BUNDLE", nargs="*", help="bundles, or folders of them, to check as well")
    _add_wheelhouse(commands)
    return parser


def _add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print JSON for programs, one object per line")
    parser.add_argument("--debug", action="store_true", help="print the traceback of an error as well")
    return parser


def _add_engine(parser: argparse.ArgumentParser) -> None:
    engines = [engine.value for engine in EngineName]
    parser.add_argument("--threads", type=_positive_integer, metavar="N", help="CPU threads (default: all that are available)")
    parser.add_argument("--engine", choices=engines, default="auto", help="where the network runs (default: %(default)s)")


def _add_segment(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add_command(commands, "segment", "segment one or many volumes")
    parser.epilog = _SEGMENT + "\n" + _EXIT_CODES
    add = parser.add_argument
    add("images", metavar="IMAGE", nargs="+", help="file, DICOM series folder, or folder of images")
    add("-m", "--model", metavar="BUNDLE", required=True, help="the student, a .kdseg.zip file")
    add("-o", "--output", metavar="OUT", help="file (one image) or folder; default: beside the image as NAME.seg.nrrd")
    add("--format", action="append", choices=FORMATS, help="format of the result; may be repeated (default: seg.nrrd)")
    add(
        "--report",
        nargs="?",
        const="",
        type=_file(".json"),
        metavar="FILE.json",
        help="write a report (default name: NAME.report.json)",
    )
    add(
        "--picture",
        nargs="?",
        const="",
        type=_file(".png"),
        metavar="FILE.png",
        help="draw three planes (default name: NAME.png)",
    )
    add("--overwrite", action="store_true", help="replace results that exist")
    add(
        "--skip-done",
        action="store_true",
        help="skip cases whose report fits the student, the image and every result, by hash (writes reports)",
    )
    _add_engine(parser)
    add(
        "--memory-gb", type=_positive_number, metavar="GB", help="ceiling for the memory of the process, in GiB (default: none)"
    )
    add(
        "--no-mirroring",
        action="store_true",
        help="do not average over mirrored images, even where the student was trained for it",
    )
    add(
        "--step", type=_step, metavar="SHARE", help="step between patches as a share of the patch (default: the student's, 0.5)"
    )
    add("--quiet", action="store_true", help="print errors and warnings only (with --json: results too)")


def _add_wheelhouse(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from kdseg.cli.wheelhouse import PLATFORMS, pin, python_version

    parser = _add_command(commands, "wheelhouse", "collect the packages that Slicer needs on a computer without internet")
    add = parser.add_argument
    add("folder", metavar="FOLDER", help="where the packages go; a new or empty folder")
    add("--python", type=python_version, metavar="X.Y", help="Python of that Slicer: 3.9 in 5.8, 3.12 in 5.10 and newer")
    add("--platform", choices=sorted(PLATFORMS), help="the other computer (default: one like this)")
    add("--faster", action="store_true", help="take OpenVINO's variant of ONNX Runtime (Linux and Windows on x86-64)")
    add("--pin", action="append", type=pin, metavar="NAME==VERSION", help="what that Slicer has already; may be repeated")


def _positive_integer(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, found {text}")
    return value


def _positive_number(text: str) -> float:
    value = _number(text)
    if not (value > 0 and math.isfinite(value)):
        raise argparse.ArgumentTypeError(f"expected a number above 0, found {text}")
    return value


def _step(text: str) -> float:
    value = _number(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number above 0 and at most 1, found {text}")
    return value


def _number(text: str) -> float:
    """Return the number that is written; NaN, which no option takes, where it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _file(suffix: str) -> Callable[[str], str]:
    """Accept only names with one suffix, so that an image is never taken for the name of a report or picture."""

    def check(text: str) -> str:
        if text and not text.lower().endswith(suffix):
            raise argparse.ArgumentTypeError(
                f"expected a name ending in {suffix}, found {text} (put images before this option)"
            )
        return text

    return check


def _segment(arguments: argparse.Namespace, runtime: Runtime, console: Console) -> int:
    from kdseg.cli.segment import run_segment

    return run_segment(arguments, runtime, console)


def _info(arguments: argparse.Namespace, runtime: Runtime, console: Console) -> int:
    from kdseg.cli.info import run_info

    return run_info(arguments, runtime, console)


def _verify(arguments: argparse.Namespace, runtime: Runtime, console: Console) -> int:
    from kdseg.cli.verify import run_verify

    return run_verify(arguments, runtime, console)


def _wheelhouse(arguments: argparse.Namespace, runtime: Runtime, console: Console) -> int:
    from kdseg.cli.wheelhouse import run_wheelhouse

    return run_wheelhouse(arguments, runtime, console)


def _doctor(arguments: argparse.Namespace, runtime: Runtime, console: Console) -> int:
    from kdseg.cli.doctor import run_doctor

    return run_doctor(arguments, runtime, console)


_COMMANDS: Dict[str, Callable[[argparse.Namespace, Runtime, Console], int]] = {
    "segment": _segment,
    "info": _info,
    "verify": _verify,
    "doctor": _doctor,
    "wheelhouse": _wheelhouse,
}
