"""Named stages of nnU-Net's own networks, and what a tap keeps of them."""

from __future__ import annotations

import gc
import weakref
from typing import Iterator

import pytest
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet
from torch import nn

from kdseg.errors import ConfigurationError
from kdseg_training.distillation.stages import (
    StageTap,
    decoder_stages,
    encoder_stages,
    resolve_stages,
    stage_channels,
    stage_depth,
)

ENCODER = tuple(f"encoder.stages.{k}" for k in range(4))
DECODER = tuple(f"decoder.stages.{k}" for k in range(3))
NAMES = ENCODER + DECODER


def build(kind: type[nn.Module], dimension: int) -> nn.Module:
    """A network as nnU-Net's plans describe it: activations in place, deep supervision on."""
    torch.manual_seed(0)
    blocks = {"n_conv_per_stage": (2, 2, 2, 2)} if kind is PlainConvUNet else {"n_blocks_per_stage": (1, 3, 2, 2)}
    convolution, norm = (nn.Conv2d, nn.InstanceNorm2d) if dimension == 2 else (nn.Conv3d, nn.InstanceNorm3d)
    return kind(
        input_channels=1,
        n_stages=4,
        features_per_stage=(4, 6, 8, 10),
        conv_op=convolution,
        kernel_sizes=[[3] * dimension] * 4,
        strides=[[1] * dimension, [1] + [2] * (dimension - 1), [2] * dimension, [2] * dimension],
        num_classes=3,
        n_conv_per_stage_decoder=(1, 2, 1),
        conv_bias=True,
        norm_op=norm,
        norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=nn.LeakyReLU,
        nonlin_kwargs={"inplace": True},
        deep_supervision=True,
        **blocks,
    )


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Networks this small are computed soonest by one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(params=[PlainConvUNet, ResidualEncoderUNet], ids=["plain", "residual"])
def kind(request) -> type[nn.Module]:
    return request.param


@pytest.fixture(params=[2, 3])
def network(request, kind) -> nn.Module:
    return build(kind, request.param)


@pytest.fixture
def batch(network) -> torch.Tensor:
    dimension = 2 if isinstance(network.decoder.seg_layers[0], nn.Conv2d) else 3
    return torch.randn(2, 1, *[16] * dimension, generator=torch.Generator().manual_seed(1))


def stage_by_stage(network: nn.Module, batch: torch.Tensor) -> dict[str, torch.Tensor]:
    """Run the network by hand and copy what every stage gives before the next one may touch it."""
    outputs, x = {}, batch
    stem = getattr(network.encoder, "stem", None)
    x = x if stem is None else stem(x)
    skips = []
    for name, stage in zip(ENCODER, network.encoder.stages, strict=True):
        x = stage(x)
        skips.append(x)
        outputs[name] = x.detach().clone()
    decoder = network.decoder
    for k, name in enumerate(DECODER):
        x = decoder.stages[k](torch.cat((decoder.transpconvs[k](x), skips[-(k + 2)]), 1))
        outputs[name] = x.detach().clone()
    return outputs


class TestNames:
    def test_of_the_network(self, network):
        assert encoder_stages(network) == ENCODER
        assert decoder_stages(network) == DECODER

    def test_channels(self, network):
        expected = dict(zip(NAMES, (4, 6, 8, 10, 8, 6, 4), strict=True))
        assert stage_channels(network) == expected
        assert stage_channels(network, ["decoder.stages.2"]) == {"decoder.stages.2": 4}

    def test_channels_are_those_of_the_outputs(self, network, batch):
        with StageTap(network, NAMES) as tap:
            network(batch)
            assert {name: output.shape[1] for name, output in tap.take().items()} == stage_channels(network)

    @pytest.mark.parametrize("name", ["encoder.stages.4", "encoder.stage.0", "stem", ""])
    def test_unknown(self, network, name):
        for ask in (StageTap, stage_channels):
            if name:
                with pytest.raises(ConfigurationError, match=r"no stage .*encoder\.stages\.0, encoder\.stages\.1"):
                    ask(network, [name])

    def test_a_module_that_is_no_stage(self, network):
        with pytest.raises(ConfigurationError, match="does not say how many channels"):
            stage_channels(network, ["decoder.seg_layers.0"])

    def test_no_nnunet(self):
        with pytest.raises(ConfigurationError, match="an nnU-Net network"):
            encoder_stages(nn.Linear(2, 2))

    def test_depth(self):
        assert [stage_depth(name) for name in NAMES] == [0, 1, 2, 3, 0, 1, 2]
        with pytest.raises(ConfigurationError, match="no number"):
            stage_depth("encoder.stem")


class TestResolve:
    def test_one_word(self):
        assert resolve_stages("encoder", NAMES) == ENCODER[:-1]
        assert resolve_stages("bottleneck", NAMES) == ENCODER[-1:]
        assert resolve_stages("decoder", NAMES) == DECODER
        assert resolve_stages("decoder.stages.1", NAMES) == ("decoder.stages.1",)

    def test_names_keep_their_order(self):
        assert resolve_stages(["decoder.stages.1", "encoder.stages.0"], NAMES) == ("decoder.stages.1", "encoder.stages.0")

    @pytest.mark.parametrize("wanted", ["everything", ["encoder.stages.0", "encoder.stages.7"], [], ["encoder"]])
    def test_unknown(self, wanted):
        with pytest.raises(ConfigurationError, match="no stage"):
            resolve_stages(wanted, NAMES)


class TestTap:
    def test_outputs_are_unaltered(self, network, batch):
        """What is kept during a whole pass equals what the stages give one by one, although activations work in place."""
        assert any(isinstance(module, nn.LeakyReLU) and module.inplace for module in network.modules())
        expected = stage_by_stage(network, batch)
        with StageTap(network, NAMES) as tap:
            network(batch)
            taken = tap.take()
        assert list(taken) == list(NAMES)
        assert all(torch.equal(taken[name], expected[name]) for name in NAMES)

    def test_why_not_inside_a_stage(self, network, batch):
        """The output of a norm is overwritten by the activation behind it: what a hook there keeps is no longer what it saw."""
        kept = []
        norm = next(m for m in network.encoder.modules() if isinstance(m, (nn.InstanceNorm2d, nn.InstanceNorm3d)))
        handle = norm.register_forward_hook(lambda _module, _inputs, output: kept.append((output, output.clone())))
        network(batch)
        handle.remove()
        assert not torch.equal(*kept[0])

    def test_changes_nothing(self, network, batch):
        before = network(batch)
        with StageTap(network, NAMES) as tap:
            during = network(batch)
            tap.take()
        after = network(batch)
        for heads in (during, after):
            assert all(torch.equal(a, b) for a, b in zip(heads, before, strict=True))

    def test_gradients_flow_through_what_is_taken(self, network, batch):
        with StageTap(network, ["encoder.stages.1"]) as tap:
            network(batch)
            tap.take()["encoder.stages.1"].square().sum().backward()
        weights = {name: parameter.grad for name, parameter in network.named_parameters()}
        assert any(grad is not None and grad.abs().max() > 0 for name, grad in weights.items() if "stages.1." in name)
        assert all(grad is None for name, grad in weights.items() if "encoder.stages.2" in name or "decoder" in name)

    def test_captures_nothing_after_close(self, network, batch):
        tap = StageTap(network, NAMES)
        network(batch)
        tap.close()
        network(batch)
        with pytest.raises(RuntimeError, match="no forward pass"):
            tap.take()
        assert not any(module._forward_hooks for module in network.modules())
        tap.close()  # twice does no harm

    def test_closes_after_an_error(self, network):
        with pytest.raises(RuntimeError, match="stop"), StageTap(network, NAMES):
            raise RuntimeError("stop")
        assert not any(module._forward_hooks for module in network.modules())

    def test_lets_go_of_what_was_taken(self, network, batch):
        with StageTap(network, ["encoder.stages.0"]) as tap, torch.no_grad():
            network(batch)
            taken = tap.take()
            reference = weakref.ref(taken.pop("encoder.stages.0"))
            gc.collect()
            assert reference() is None
            with pytest.raises(RuntimeError, match=r"through encoder\.stages\.0 since"):
                tap.take()

    def test_keeps_the_last_pass(self, network, batch):
        with StageTap(network, ["decoder.stages.2"]) as tap:
            network(batch)
            network(2 * batch)
            assert torch.equal(tap.take()["decoder.stages.2"], stage_by_stage(network, 2 * batch)["decoder.stages.2"])

    def test_two_taps_at_once(self, network, batch):
        with StageTap(network, ENCODER) as first, StageTap(network, ["encoder.stages.0"]) as second:
            network(batch)
            assert first.take()["encoder.stages.0"] is second.take()["encoder.stages.0"]

    def test_no_stages(self, network, batch):
        with StageTap(network, []) as tap:
            network(batch)
            assert tap.take() == {}

    def test_inference_mode_and_half_precision(self, network, batch):
        with StageTap(network, ENCODER) as tap, torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            network(batch)
            taken = tap.take()
        assert all(output.is_inference() for output in taken.values())
