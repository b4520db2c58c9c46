"""The devices to choose from, and what each needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Sequence, Tuple

from kdseg.limits import EngineName
from KDSegmentatorLib.i18n import _

PACKAGE_OF: Mapping[EngineName, Tuple[str, ...]] = {
    EngineName.AUTO: (),
    EngineName.CPU: (),
    EngineName.OPENVINO: ("onnxruntime-openvino",),
    EngineName.CUDA: ("onnxruntime-gpu",),
    EngineName.DIRECTML: ("onnxruntime-directml",),
    EngineName.COREML: ("onnxruntime",),
}
"""The packages that bring an engine; an empty tuple where every variant has it."""

_SYSTEMS: Mapping[EngineName, Tuple[str, ...]] = {
    EngineName.CUDA: ("Linux", "Windows"),
    EngineName.DIRECTML: ("Windows",),
    EngineName.COREML: ("Darwin",),
}


@dataclass(frozen=True)
class EngineChoice:
    """A line of the device list: engine, words, whether it can be chosen, and why not."""

    name: str
    text: str
    enabled: bool
    reason: str = ""


def engine_choices(system: str, installed: Sequence[str]) -> Tuple[EngineChoice, ...]:
    """Return the devices that this operating system can have.

    Parameters
    ----------
    system
        ``platform.system()``.
    installed
        Names of the installed variants of ONNX Runtime; none before the first run.
    """
    choices = []
    for engine, text in _texts().items():
        if system not in _SYSTEMS.get(engine, (system,)):
            continue
        needed = PACKAGE_OF[engine]
        missing = bool(needed) and not set(needed) & set(installed)
        reason = _("Needs the package {package} in place of onnxruntime.").format(package=needed[0]) if missing else ""
        words = _("{device} – not installed").format(device=text) if missing else text
        choices.append(EngineChoice(engine.value, words, not missing, reason))
    return tuple(choices)


def _texts() -> Mapping[EngineName, str]:
    return {
        EngineName.AUTO: _("Automatic (processor)"),
        EngineName.CPU: _("Processor"),
        EngineName.OPENVINO: _("Processor with OpenVINO (faster)"),
        EngineName.CUDA: _("NVIDIA graphics card (CUDA)"),
        EngineName.DIRECTML: _("Graphics card (DirectML)"),
        EngineName.COREML: _("Apple graphics (CoreML)"),
    }
