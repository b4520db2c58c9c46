"""Memory of this process, against an array whose size is known."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from kdseg.process_memory import peak_resident_bytes, reset_peak, resident_bytes

ARRAY_BYTES = 64 * 1024**2
SLACK_BYTES = 16 * 1024**2


def test_the_peak_is_never_less_than_what_is_used_now() -> None:
    held = np.ones(ARRAY_BYTES // 8)
    assert peak_resident_bytes() >= resident_bytes() - SLACK_BYTES > held.nbytes - SLACK_BYTES


def test_a_peak_is_kept_until_it_is_reset() -> None:
    before = resident_bytes()
    np.ones(ARRAY_BYTES // 8)  # freed at once
    assert peak_resident_bytes() >= before + ARRAY_BYTES - SLACK_BYTES
    if not sys.platform.startswith("linux"):
        assert not reset_peak()
        return
    assert reset_peak()
    assert peak_resident_bytes() <= before + SLACK_BYTES


@pytest.mark.parametrize("_round", range(2))
def test_each_reset_begins_anew(_round: int) -> None:
    if reset_peak():
        start = peak_resident_bytes()
        np.ones(ARRAY_BYTES // 8)
        assert ARRAY_BYTES - SLACK_BYTES <= peak_resident_bytes() - start <= ARRAY_BYTES + SLACK_BYTES
