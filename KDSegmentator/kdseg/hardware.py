"""What computer this is: CPU, memory, operating system and the limits of a container, without extra packages."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, Optional

from kdseg.limits import available_cpus

_CGROUP_ROOT = Path("/sys/fs/cgroup")
_UNLIMITED = 1 << 60  # cgroup v1 writes a number near 2**63 for "no limit"


@dataclass(frozen=True)
class Hardware:
    """The computer, as far as it matters for a run. None where the operating system does not say.

    Attributes
    ----------
    cpu_model
        The processor's own name.
    cpus_total, cpus_available
        Logical processors of the computer, and those that this process may use.
    ram_total_bytes, ram_available_bytes
        Memory of the computer, and what is free or can be freed now.
    memory_limit_bytes
        Limit of the container or cgroup, where there is one.
    system, machine
        Operating system with its release, and the processor's architecture.
    """

    cpu_model: Optional[str]
    cpus_total: Optional[int]
    cpus_available: int
    ram_total_bytes: Optional[int]
    ram_available_bytes: Optional[int]
    memory_limit_bytes: Optional[int]
    system: str
    machine: str

    @property
    def usable_bytes(self) -> Optional[int]:
        """Memory that a run may count on: what is available, but not above the container's limit."""
        known = [n for n in (self.ram_available_bytes, self.memory_limit_bytes) if n is not None]
        return min(known) if known else None

    def as_dict(self) -> Dict[str, Any]:
        """Return the same as plain data."""
        return asdict(self)


def describe_hardware() -> Hardware:
    """Look at this computer."""
    if sys.platform == "win32":
        model, total, available = _windows()
    elif sys.platform == "darwin":
        model, total, available = _macos()
    else:
        model = parse_cpu_model(_read(Path("/proc/cpuinfo")))
        memory = parse_meminfo(_read(Path("/proc/meminfo")))
        total, available = memory.get("MemTotal"), memory.get("MemAvailable")
    return Hardware(
        cpu_model=model,
        cpus_total=os.cpu_count(),
        cpus_available=available_cpus(),
        ram_total_bytes=total,
        ram_available_bytes=available,
        memory_limit_bytes=cgroup_memory_limit(_read(Path("/proc/self/cgroup"))),
        system=f"{platform.system()} {platform.release()}",
        machine=platform.machine(),
    )


def this_machine() -> str:
    """Return what tells computers apart as far as speed goes: a user's folder may follow the user to another one."""
    hardware = describe_hardware()
    return f"{platform.node()} / {hardware.cpu_model or platform.machine()}"


def parse_cpu_model(cpuinfo: str) -> Optional[str]:
    """Return the processor's name from the text of ``/proc/cpuinfo``; None where it has none (many ARM computers)."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model", "cpu model") and value.strip():
            return " ".join(value.split())
    return None


def parse_meminfo(meminfo: str) -> Dict[str, int]:
    """Return the entries of ``/proc/meminfo`` that are given in kB, in bytes."""
    sizes = {}
    for line in meminfo.splitlines():
        words = line.replace(":", " ").split()
        if len(words) == 3 and words[2] == "kB" and words[1].isdigit():
            sizes[words[0]] = int(words[1]) * 1024
    return sizes


def cgroup_memory_limit(own_cgroup: str, root: Path = _CGROUP_ROOT) -> Optional[int]:
    """Return the tightest memory limit of this process's cgroup and its parents, in bytes; None without one.

    Parameters
    ----------
    own_cgroup
        Text of ``/proc/self/cgroup``, version 1 or 2.
    root
        Where the cgroup file system is mounted.
    """
    limits = [n for n in map(_limit_in, _limit_files(own_cgroup, root)) if n is not None]
    return min(limits) if limits else None


def _limit_files(own_cgroup: str, root: Path) -> Iterable[Path]:
    yield root / "memory.max"
    yield root / "memory" / "memory.limit_in_bytes"
    for line in own_cgroup.splitlines():
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        parts = [p for p in path.split("/") if p and p != ".."]
        for depth in range(1, len(parts) + 1):
            if number == "0" and not controllers:
                yield root.joinpath(*parts[:depth], "memory.max")
            elif "memory" in controllers.split(","):
                yield root.joinpath("memory", *parts[:depth], "memory.limit_in_bytes")


def _limit_in(path: Path) -> Optional[int]:
    text = _read(path).strip()
    return int(text) if text.isdigit() and 0 < int(text) < _UNLIMITED else None


def _read(path: Path) -> str:
    """Return the text of a file of the operating system, or nothing where it does not exist."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _macos() -> Any:
    """Return processor name, memory and available memory of a Mac through ``sysctlbyname``."""
    library = ctypes.CDLL(None)

    def ask(name: str) -> bytes:
        size = ctypes.c_size_t(0)
        if library.sysctlbyname(name.encode(), None, ctypes.byref(size), None, ctypes.c_size_t(0)) != 0:
            return b""
        buffer = ctypes.create_string_buffer(size.value)
        failed = library.sysctlbyname(name.encode(), buffer, ctypes.byref(size), None, ctypes.c_size_t(0))
        return b"" if failed else buffer.raw[: size.value]

    def number(name: str) -> Optional[int]:
        raw = ask(name)
        return int.from_bytes(raw, sys.byteorder) if raw else None

    model = ask("machdep.cpu.brand_string").rstrip(b"\0").decode("utf-8", "replace") or None
    pages = [number(f"vm.page_{kind}_count") for kind in ("free", "purgeable", "speculative")]
    page_size = number("hw.pagesize")
    available = None if page_size is None or pages[0] is None else page_size * sum(p or 0 for p in pages)
    return model, number("hw.memsize"), available


class _MemoryStatus(ctypes.Structure):
    """Windows' MEMORYSTATUSEX."""

    _fields_ = (
        ("length", ctypes.c_uint32),
        ("load_percent", ctypes.c_uint32),
        ("total", ctypes.c_uint64),
        ("available", ctypes.c_uint64),
        ("total_page_file", ctypes.c_uint64),
        ("available_page_file", ctypes.c_uint64),
        ("total_virtual", ctypes.c_uint64),
        ("available_virtual", ctypes.c_uint64),
        ("available_extended_virtual", ctypes.c_uint64),
    )


def _windows() -> Any:
    """Return processor name, memory and available memory on Windows."""
    if sys.platform != "win32":
        raise OSError("not Windows")
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"HARDWARE\DESCRIPTION\System\CentralProcessor\0") as key:
            model = str(winreg.QueryValueEx(key, "ProcessorNameString")[0]).strip() or None
    except OSError:
        model = None
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return model, None, None
    return model, int(status.total), int(status.available)
