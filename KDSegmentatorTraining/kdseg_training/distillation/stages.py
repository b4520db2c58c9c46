"""The named stages of nnU-Net's networks, and a tap that keeps what they give.

A stage is named as PyTorch names its module: ``encoder.stages.0`` is the finest stage of the encoder and ``decoder.stages.0``
the coarsest of the decoder. Teacher and student have the same topology, so a name means the same in both.
"""

from __future__ import annotations

import re
from types import TracebackType
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Type, Union

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from kdseg.errors import ConfigurationError

StageNames = Union[str, Sequence[str]]

ENCODER, DECODER, BOTTLENECK = "encoder", "decoder", "bottleneck"
"""Stages by one word: the encoder without its deepest stage, all of the decoder, and the encoder's deepest stage."""


def encoder_stages(network: nn.Module) -> Tuple[str, ...]:
    """Return the names of the encoder's stages, the finest first; the last one is the bottleneck."""
    return _children(network, "encoder.stages")


def decoder_stages(network: nn.Module) -> Tuple[str, ...]:
    """Return the names of the decoder's stages in the order of computation: the coarsest first."""
    return _children(network, "decoder.stages")


def stage_channels(network: nn.Module, names: Optional[Iterable[str]] = None) -> Dict[str, int]:
    """Return how many channels each stage gives.

    Parameters
    ----------
    network
        A PlainConvUNet or ResidualEncoderUNet.
    names
        The stages; None: all of the encoder and the decoder, as
        :func:`kdseg_training.distillation.losses.composition.build_distillation_loss` wants them.

    Raises
    ------
    ConfigurationError
        If the network has no such stage.
    """
    if names is None:
        names = encoder_stages(network) + decoder_stages(network)
    return {name: _output_channels(_stage(network, name), name) for name in names}


def resolve_stages(wanted: StageNames, available: Iterable[str]) -> Tuple[str, ...]:
    """Return the names of the stages that a configuration asks for.

    Parameters
    ----------
    wanted
        ``encoder`` (without the deepest stage), ``decoder``, ``bottleneck``, or names.
    available
        All stages of the network, each half in the order of computation.

    Raises
    ------
    ConfigurationError
        If there is no such stage.
    """
    available = tuple(available)
    encoder = [name for name in available if name.startswith("encoder.")]
    groups = {
        ENCODER: encoder[:-1],
        DECODER: [name for name in available if name.startswith("decoder.")],
        BOTTLENECK: encoder[-1:],
    }
    names = tuple(groups.get(wanted, [wanted]) if isinstance(wanted, str) else wanted)
    unknown = [name for name in names if name not in available]
    if unknown or not names:
        raise ConfigurationError(
            f"The network has no stage {', '.join(unknown) or wanted}.",
            expected=", ".join((*groups, *available)),
            found=wanted if isinstance(wanted, str) else ", ".join(wanted),
        )
    return names


def stage_depth(name: str) -> int:
    """Return the number in a stage's name, k in ``encoder.stages.k``."""
    match = re.search(r"(\d+)$", name)
    if match is None:
        raise ConfigurationError("The stage has no number.", expected="a name such as encoder.stages.2", found=name)
    return int(match.group(1))


class StageTap:
    """Keeps the outputs of named stages during a forward pass, until they are taken.

    Only outputs of whole stages are kept. Within a stage nnU-Net's activations work in place, so that the output of a norm is
    overwritten by the activation after it; the output of a stage is read by the next one and written by nobody.

    Attach it to the plain network: before ``torch.compile``, and to ``.module`` of a wrapped one.

    Examples
    --------
    >>> with StageTap(network, ["encoder.stages.0"]) as tap:  # doctest: +SKIP
    ...     logits = network(batch)
    ...     features = tap.take()

    Parameters
    ----------
    network
        The network whose stages are kept.
    names
        The stages; may be empty.

    Raises
    ------
    ConfigurationError
        If the network has no such stage.
    """

    def __init__(self, network: nn.Module, names: Iterable[str]) -> None:
        stages = {name: _stage(network, name) for name in names}
        self.names = tuple(stages)
        self._outputs: Dict[str, Tensor] = {}
        self._handles: List[RemovableHandle] = [
            stage.register_forward_hook(self._keeper(name)) for name, stage in stages.items()
        ]

    def _keeper(self, name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def keep(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            self._outputs[name] = output

        return keep

    def take(self) -> Dict[str, Tensor]:
        """Return stage name → output, (N, C, *spatial), of the last forward pass, and let go of them.

        Raises
        ------
        RuntimeError
            If there was no forward pass since the last call.
        """
        missing = [name for name in self.names if name not in self._outputs]
        if missing:
            raise RuntimeError(f"no forward pass went through {', '.join(missing)} since the outputs were last taken")
        taken = {name: self._outputs[name] for name in self.names}
        self._outputs.clear()
        return taken

    def close(self) -> None:
        """Remove the hooks and let go of what they kept; the network is as it was."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._outputs.clear()

    def __enter__(self) -> StageTap:
        return self

    def __exit__(
        self,
        exception_type: Optional[Type[BaseException]],
        exception: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()


def _children(network: nn.Module, prefix: str) -> Tuple[str, ...]:
    return tuple(f"{prefix}.{name}" for name, _ in _stage(network, prefix).named_children())


def _stage(network: nn.Module, name: str) -> nn.Module:
    try:
        return network.get_submodule(name)
    except AttributeError:
        modules: Mapping[str, nn.Module] = dict(network.named_modules())
        stages = [module for module in modules if re.fullmatch(r"(?:en|de)coder\.stages\.\d+", module)]
        raise ConfigurationError(
            f"The network has no stage {name}.", expected=", ".join(stages) or "an nnU-Net network", found=name
        ) from None


def _output_channels(stage: nn.Module, name: str) -> int:
    """Find the channels in nnU-Net's own attribute, which the last block of a stage carries."""
    while isinstance(stage, nn.Sequential) and len(stage):
        stage = stage[-1]
    channels = getattr(stage, "output_channels", None)
    if not isinstance(channels, int):
        raise ConfigurationError(
            f"The stage {name} does not say how many channels it gives.",
            expected="a stage of PlainConvUNet or ResidualEncoderUNet",
            found=type(stage).__name__,
        )
    return channels
