"""What a command says where one of the packages that train students is not installed."""

from __future__ import annotations

from kdseg.errors import InstallationError


def is_missing_package(error: BaseException) -> bool:
    """Tell whether somebody else's package was not found: without a module of our own the fault is ours."""
    name = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    return name not in ("", "kdseg", "kdseg_training")


def missing_package(error: ModuleNotFoundError) -> InstallationError:
    """Return the error for people, in one sentence each; only for what :func:`is_missing_package` tells."""
    return InstallationError(
        "The companion's packages are not installed.",
        expected="typer, torch, nnunetv2 and what else trains students",
        found=f"no package {error.name}",
        remedy="Run pip install '.[training]' in a copy of KDSegmentator's repository.",
    )
