"""What computer this is."""

from __future__ import annotations

import os
import sys

import pytest

from kdseg.hardware import Hardware, cgroup_memory_limit, describe_hardware, parse_cpu_model, parse_meminfo


def test_this_computer():
    found = describe_hardware()
    assert found.cpus_total == os.cpu_count()
    assert 1 <= found.cpus_available <= os.cpu_count()
    assert found.system and found.machine
    assert found.as_dict()["cpus_available"] == found.cpus_available
    if sys.platform.startswith("linux"):
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        assert found.ram_total_bytes == pages
        assert 0 < found.ram_available_bytes < pages


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("processor\t: 0\nmodel\t\t: 85\nmodel name\t: Xeon(R)  Gold  6130\n", "Xeon(R) Gold 6130"),
        ("processor\t: 0\nBogoMIPS\t: 50\n\nModel\t\t: Raspberry Pi 5\n", "Raspberry Pi 5"),
        ("processor\t: 0\nBogoMIPS\t: 50\n", None),
        ("", None),
    ],
)
def test_the_name_of_the_processor(text, model):
    assert parse_cpu_model(text) == model


def test_memory_in_bytes():
    text = "MemTotal:       24731708 kB\nMemAvailable:   20718740 kB\nHugePages_Total:       0\ndamaged\n"
    assert parse_meminfo(text) == {"MemTotal": 24731708 * 1024, "MemAvailable": 20718740 * 1024}


def write(root, **files):
    for name, text in files.items():
        path = root.joinpath(*name.split("__"))
        path.parent.mkdir(parents=True, exist_ok=True)
        next_name = {"max": "memory.max", "old": "memory.limit_in_bytes"}[path.name]
        path.with_name(next_name).write_text(text)


def test_the_tightest_limit_of_version_2_counts(tmp_path):
    write(tmp_path, a__max="8000\n", a__b__max="max\n", a__b__c__max="9000\n")
    assert cgroup_memory_limit("0::/a/b/c\n", tmp_path) == 8000


def test_in_a_container_the_limit_is_at_the_root(tmp_path):
    write(tmp_path, max="4096\n")
    assert cgroup_memory_limit("0::/\n", tmp_path) == 4096


def test_version_1(tmp_path):
    write(tmp_path, memory__old=str(0x7FFFFFFFFFFFF000), memory__job__old="5000")
    assert cgroup_memory_limit("5:cpu,cpuacct:/job\n4:memory:/job\n", tmp_path) == 5000


@pytest.mark.parametrize("text", ["", "nonsense", "0::/../..", "4:memory"])
def test_no_limit(tmp_path, text):
    write(tmp_path, max="max\n")
    assert cgroup_memory_limit(text, tmp_path) is None


@pytest.mark.parametrize(
    ("available", "limit", "usable"), [(10, None, 10), (10, 4, 4), (3, 4, 3), (None, 4, 4), (None, None, None)]
)
def test_what_a_run_may_count_on(available, limit, usable):
    hardware = Hardware("x", 2, 2, 20, available, limit, "Linux", "x86_64")
    assert hardware.usable_bytes == usable
