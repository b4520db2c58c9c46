"""Faults of a file that do no harm to the voxels, and the choice between refusing them and telling them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Tuple

from kdseg.errors import InputError


@dataclass(frozen=True)
class Finding:
    """A harmless fault that was let through because the caller asked for it.

    Attributes
    ----------
    path
        The file or folder.
    message
        What was expected and found, for people.
    """

    path: str
    message: str


class FindingLog:
    """Takes harmless faults: raises them when strict, keeps them as findings otherwise.

    Parameters
    ----------
    strict
        True refuses every fault; False keeps harmless ones for the user to confirm.
    """

    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self._findings: List[Finding] = []

    def fault(self, error: InputError) -> None:
        """Raise ``error`` when strict; otherwise keep it as a finding. The voxels must be certain in spite of it."""
        if self.strict:
            raise error
        expected = f" Expected: {error.expected}." if error.expected else ""
        found = f" Found: {error.found}." if error.found else ""
        self.note(error.path or "", f"{error.problem}{expected}{found}")

    def note(self, path: str, message: str) -> None:
        """Keep something worth telling that is no fault, at either level."""
        self._findings.append(Finding(path, message))

    @property
    def findings(self) -> Tuple[Finding, ...]:
        """Everything kept so far, in order."""
        return tuple(self._findings)
