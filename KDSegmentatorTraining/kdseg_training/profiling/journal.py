"""Finished runs on disk, so that a long profile can be continued after it was interrupted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

from kdseg.atomic import write_bytes
from kdseg.errors import ConfigurationError, PathLike
from kdseg_training.profiling.json_data import from_data, to_data
from kdseg_training.profiling.lanes import Lane, Outcome
from kdseg_training.profiling.request import ProfileRequest

SCHEMA = "kdseg-profile-journal/1"


@dataclass(frozen=True)
class _Kept:
    start_s: float
    outcomes: Tuple[Outcome, ...]


class Journal:
    """A JSON file that is written anew after every run.

    Parameters
    ----------
    path
        The file; it need not exist.
    request
        What is profiled: a journal of another request is refused.
    digests
        SHA-256 of the subjects, in order: so is a journal of other weights.

    Raises
    ------
    ConfigurationError
        If the file is no journal, or belongs to another request, other weights or another machine.
    """

    def __init__(self, path: PathLike, request: ProfileRequest, digests: Tuple[str, ...], machine: str) -> None:
        self._path = Path(path)
        self._header: Dict[str, Any] = {
            "schema": SCHEMA,
            "request": to_data(request),
            "digests": list(digests),
            "machine": machine,
        }
        self._kept = self._read() if self._path.exists() else {}

    def fill(self, lane: Lane) -> None:
        """Put what was finished into a lane."""
        kept = self._kept.get(_key(lane))
        if kept is not None:
            lane.start_s, lane.outcomes = kept.start_s, list(kept.outcomes)

    def write(self, lanes: List[Lane]) -> None:
        """Write everything that is finished.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        runs = {_key(lane): to_data(_Kept(lane.start_s, tuple(lane.outcomes))) for lane in lanes}
        write_bytes(self._path, (json.dumps({**self._header, "runs": runs}, allow_nan=False) + "\n").encode("ascii"))

    def _read(self) -> Dict[str, _Kept]:
        data = self._parse()
        for key, expected in self._header.items():
            if data.get(key) != expected:
                raise ConfigurationError(
                    f"The journal belongs to another profile: {key}.",
                    expected=json.dumps(expected)[:300],
                    found=json.dumps(data.get(key))[:300],
                    path=self._path,
                    remedy="Name another journal, or remove this one to begin anew.",
                )
        runs = data.get("runs")
        if not isinstance(runs, dict):
            raise ConfigurationError("The journal is damaged.", path=self._path, remedy="Remove it to begin anew.")
        return {key: from_data(_Kept, item, path=self._path) for key, item in runs.items()}

    def _parse(self) -> Mapping[str, Any]:
        try:
            data = json.loads(self._path.read_bytes())
        except (OSError, ValueError) as error:
            raise ConfigurationError("The journal cannot be read.", found=str(error)[:200], path=self._path) from error
        return data if isinstance(data, dict) else {}


def _key(lane: Lane) -> str:
    return f"{lane.subject}/{lane.threads}"
