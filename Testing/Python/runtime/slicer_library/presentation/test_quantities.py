"""Numbers as people read them."""

from __future__ import annotations

import pytest

from KDSegmentatorLib.presentation.quantities import count_text, duration_text, file_size_text, memory_text, time_left_text

GIB = 1024**3


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (1, "1 MiB"),
        (300 * 1024**2, "300 MiB"),
        (1019 * 1024**2, "1.0 GiB"),
        (GIB, "1.0 GiB"),
        (2.34 * GIB, "2.3 GiB"),
        (9.96 * GIB, "10 GiB"),
        (31.4 * GIB, "31 GiB"),
    ],
)
def test_memory(size_bytes: float, text: str) -> None:
    assert memory_text(size_bytes) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "under a second"),
        (1.0, "1 s"),
        (4.4, "4 s"),
        (12.4, "10 s"),
        (13.0, "15 s"),
        (54.0, "55 s"),
        (58.0, "1 min"),
        (150.0, "2 min"),
        (3599.0, "1 h 0 min"),
        (5400.0, "1 h 30 min"),
    ],
)
def test_durations_get_coarser(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_time_left_is_silent_until_it_is_known() -> None:
    assert time_left_text(None) == ""
    assert time_left_text(0.3) == "almost done"
    assert time_left_text(42) == "about 40 s left"


def test_file_sizes_are_in_millions_of_bytes() -> None:
    assert file_size_text(1_350_000) == "1.4 MB"
    assert file_size_text(24_600_000) == "25 MB"
    assert file_size_text(95_000) == "0.1 MB"


@pytest.mark.parametrize(("size_bytes", "text"), [(94_999, "95 kB"), (12_400, "12 kB"), (1, "1 kB")])
def test_small_files_are_in_thousands(size_bytes: int, text: str) -> None:
    assert file_size_text(size_bytes) == text


def test_one_is_not_many() -> None:
    assert count_text(1, "1 thread", "{count} threads") == "1 thread"
    assert count_text(4, "1 thread", "{count} threads") == "4 threads"
