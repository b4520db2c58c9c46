"""Operations of small networks, counted by hand. Torch's own counter is the oracle for real ones, where torch is installed."""

from __future__ import annotations

import pytest

from kdseg.bundle.onnx_work import count_flops
from kdseg.bundle.protobuf import integers
from kdseg.errors import BundleModelError
from kdseg_testing.wire import graph, message, model, varint

PATCH = (8, 6, 4)


def ints(name: str, *values: int, packed: bool = False) -> bytes:
    if packed:
        return message((1, name), (8, b"".join(varint(v) for v in values)), (20, 7))
    return message((1, name), *((8, v) for v in values), (20, 7))


def one(name: str, value: int) -> bytes:
    return message((1, name), (3, value), (20, 2))


def operator(kind: str, inputs: tuple[str, ...], output: str, *attributes: bytes) -> bytes:
    return message(*((1, i) for i in inputs), (2, output), (4, kind), *((5, a) for a in attributes))


def weights(name: str, *shape: int) -> bytes:
    return message(*((1, n) for n in shape), (2, 1), (8, name))


def network(*nodes: bytes, initializers: tuple[bytes, ...] = ()) -> bytes:
    return model(body=graph(*((5, i) for i in initializers), nodes=nodes))


@pytest.mark.parametrize("packed", [False, True])
def test_a_convolution(packed: bool) -> None:
    pads = ints("pads", 1, 1, 1, 1, 1, 1, packed=packed)
    strides = ints("strides", 2, 2, 1, packed=packed)
    data = network(operator("Conv", ("image", "w"), "logits", pads, strides), initializers=(weights("w", 5, 1, 3, 3, 3),))
    # 4 × 3 × 4 voxels, 5 channels, 27 weights each
    assert count_flops(data, 1, PATCH) == 2 * (4 * 3 * 4) * 5 * 27


def test_groups_and_dilation() -> None:
    attributes = one("group", 2), ints("dilations", 2, 1, 1)
    data = network(operator("Conv", ("image", "w"), "logits", *attributes), initializers=(weights("w", 6, 2, 3, 3, 1),))
    # (8 − 4) × (6 − 2) × 4 voxels, 6 channels that see 2 of 4 each, 9 weights
    assert count_flops(data, 4, PATCH) == 2 * (4 * 4 * 4) * 6 * 2 * 9


def test_a_transposed_convolution_and_what_follows_it() -> None:
    up = operator("ConvTranspose", ("image", "t"), "up", ints("strides", 2, 2, 2))
    norm = operator("InstanceNormalization", ("up", "s", "b"), "normed")
    active = operator("LeakyRelu", ("normed",), "active")
    both = operator("Concat", ("active", "up"), "both", one("axis", 1))
    summed = operator("Add", ("both", "both"), "summed")
    pooled = operator("AveragePool", ("summed",), "pooled", ints("kernel_shape", 2, 2, 2), ints("strides", 2, 2, 2))
    last = operator("Conv", ("pooled", "w"), "logits")
    given = (weights("t", 1, 3, 2, 2, 2), weights("s", 3), weights("b", 3), weights("w", 2, 6, 1, 1, 1))
    data = network(up, norm, active, both, summed, pooled, last, initializers=given)
    voxels = 8 * 6 * 4  # doubled, and halved again
    assert count_flops(data, 1, PATCH) == 2 * voxels * 3 * 8 + 2 * voxels * 6 * 2


@pytest.mark.parametrize(("ceil_mode", "length"), [(0, 2), (1, 3)])
def test_pooling_rounds_as_it_says(ceil_mode: int, length: int) -> None:
    pool = operator("MaxPool", ("image",), "p", ints("kernel_shape", 2), ints("strides", 2), one("ceil_mode", ceil_mode))
    data = network(pool, operator("Conv", ("p", "w"), "logits"), initializers=(weights("w", 1, 1, 1),))
    assert count_flops(data, 1, (5,)) == 2 * length


def test_an_unknown_operator_is_named() -> None:
    data = network(operator("Gelu", ("image",), "logits"))
    with pytest.raises(BundleModelError, match="Gelu"):
        count_flops(data, 1, PATCH)


def test_what_cannot_be_followed_is_refused() -> None:
    automatic = message((1, "auto_pad"), (4, "SAME_UPPER"), (20, 3))
    data = network(operator("Conv", ("image", "w"), "logits", automatic), initializers=(weights("w", 1, 1, 1, 1, 1),))
    with pytest.raises(BundleModelError, match="automatic padding"):
        count_flops(data, 1, PATCH)
    with pytest.raises(BundleModelError):
        count_flops(network(operator("Conv", ("image", "missing"), "logits")), 1, PATCH)
    with pytest.raises(BundleModelError):
        count_flops(b"\x0a", 1, PATCH)


def test_integers_may_be_packed_or_not_and_negative() -> None:
    packed = memoryview(varint(3) + varint(-1) + varint(300))
    assert integers([packed, 7, (1 << 64) - 2], "x") == [3, -1, 300, 7, -2]
