"""Finished runs on disk, so that a long profile can be continued after it was interrupted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

from kdseg.atomic import write_bytes
from kdseg.errors import ConfigurationError, PathLike
from kdseg_training.profiling.json_data import from_data, to_data
from kdseg_training.profiling.lanes import Lane, Outcome
from kdseg_training.profiling.request import ProfileRequest

SCHEMA = "kdseg-profile-journal/1"


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
        self._outcomes = self._read() if self._path.exists() else {}

    def outcomes(self, subject: int, threads: int) -> List[Outcome]:
        """Return what was finished of a lane, in order."""
        return list(self._outcomes.get(f"{subject}/{threads}", []))

    def write(self, lanes: List[Lane]) -> None:
        """Write everything that is finished.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        runs = {f"{lane.subject}/{lane.threads}": to_data(lane.outcomes) for lane in lanes}
        write_bytes(self._path, (json.dumps({**self._header, "runs": runs}, allow_nan=False) + "\n").encode("ascii"))

    def _read(self) -> Dict[str, List[Outcome]]:
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
        if not isinstance(runs, dict) or not all(isinstance(items, list) for items in runs.values()):
            raise ConfigurationError("The journal is damaged.", path=self._path, remedy="Remove it to begin anew.")
        return {key: [from_data(Outcome, item, path=self._path) for item in items] for key, items in runs.items()}

    def _parse(self) -> Mapping[str, Any]:
        try:
            data = json.loads(self._path.read_bytes())
        except (OSError, ValueError) as error:
            raise ConfigurationError("The journal cannot be read.", found=str(error)[:200], path=self._path) from error
        return data if isinstance(data, dict) else {}
