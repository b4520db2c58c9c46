"""The machine, as far as times depend on it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Dict, List

from kdseg.hardware import describe_hardware

INSTRUCTIONS = (
    "sse4_2",
    "avx",
    "avx2",
    "fma",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "amx_int8",
    "amx_bf16",
    "asimd",
    "sve",
)
"""Extensions of a CPU that a network's speed depends on, as Linux names them."""

VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "KMP_AFFINITY", "OMP_PROC_BIND", "nnUNet_def_n_proc")
"""Variables of the environment that were set and change the speed; every subject gets threads of its own."""

_FILES = {
    "governor": "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
    "highest_frequency_khz": "/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq",
    "cgroup_cpu_max": "/sys/fs/cgroup/cpu.max",
    "transparent_huge_pages": "/sys/kernel/mm/transparent_hugepage/enabled",
}


def fingerprint() -> Dict[str, Any]:
    """Return :class:`kdseg.hardware.Hardware` as data, with instructions, settings of the kernel and variables."""
    found: Dict[str, Any] = describe_hardware().as_dict()
    found["instructions"] = cpu_instructions(_read("/proc/cpuinfo"))
    found.update({name: text for name, text in ((name, _read(path)) for name, path in _FILES.items()) if text})
    found["environment"] = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    found["python"] = sys.version.split()[0]
    return found


def cpu_instructions(cpuinfo: str) -> List[str]:
    """Return those of :data:`INSTRUCTIONS` that the text of ``/proc/cpuinfo`` names."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            flags = set(value.split())
            return [name for name in INSTRUCTIONS if name in flags]
    return []


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
