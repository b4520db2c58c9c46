"""The last layer taken off: trunk and layer together give what the whole network gives, and odd last layers stay on."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from kdseg.bundle.onnx_split import split_network
from kdseg.errors import BundleModelError
from kdseg_testing.wire import graph, message, model, port

HEADS, FEATURES = 5, 2


def conv(inputs: tuple[str, ...], output: str, **integers: tuple[int, ...]) -> bytes:
    attributes = [message((1, name), *((8, v) for v in values), (20, 7)) for name, values in integers.items()]
    return message(*((1, i) for i in inputs), (2, output), (4, "Conv"), *((5, a) for a in attributes))


def group(number: int) -> bytes:
    attribute = message((1, "group"), (3, number), (20, 2))
    return message((1, "features"), (1, "w"), (2, "logits"), (4, "Conv"), (5, attribute))


def tensor(name: str, values: np.ndarray, element: int = 1) -> bytes:
    return message(*((1, n) for n in values.shape), (2, element), (8, name), (9, values.tobytes()))


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


STEM = (conv(("image", "stem"), "thin"), message((1, "thin"), (2, "features"), (4, "LeakyRelu")))
WEIGHTS, BIAS = numbers(HEADS, FEATURES, 1, 1, 1, seed=1), numbers(HEADS, seed=2)
PLAIN = conv(("features", "w", "b"), "logits", kernel_shape=(1, 1, 1), strides=(1, 1, 1), pads=(0,) * 6, dilations=(1, 1, 1))


def network(
    last: bytes = PLAIN, weights: np.ndarray = WEIGHTS, bias: np.ndarray = BIAS, *more: bytes, told: bytes = b""
) -> bytes:
    tensors = (tensor("stem", numbers(weights.shape[1], 1, 1, 1, 1)), tensor("w", weights), tensor("b", bias))
    extra = [(5, t) for t in tensors] + ([(13, told)] if told else [])
    return model(
        body=graph(*extra, nodes=(*STEM, last, *more), logits=port("logits", (1, len(weights), "z", "y", "x"))),
    )


def opened(data: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def run(data: bytes, image: np.ndarray) -> np.ndarray:
    (found,) = opened(data).run(None, {"image": image})
    return found


@pytest.mark.parametrize("told", [b"", port("features", (1, FEATURES, "z", "y", "x"))], ids=["", "with its shape told"])
@pytest.mark.parametrize("has_bias", [True, False])
def test_trunk_and_layer_give_the_logits(has_bias: bool, told: bytes) -> None:
    last = PLAIN if has_bias else conv(("features", "w"), "logits")
    split = split_network(network(last, told=told))
    assert split is not None
    image = numbers(1, 1, 3, 4, 5, seed=3)
    features = run(split.trunk, image)
    assert features.shape == (1, FEATURES, 3, 4, 5)
    logits = np.einsum("hf,nfzyx->nhzyx", split.weights, features) + split.bias[:, None, None, None]
    np.testing.assert_allclose(logits, run(network(last), image), rtol=1e-5, atol=1e-6)


def test_the_file_is_otherwise_the_same() -> None:
    split = split_network(network())
    assert split is not None
    assert split.weights.shape == (HEADS, FEATURES)
    np.testing.assert_array_equal(split.bias, BIAS)
    assert split_network(split.trunk) is None


def test_the_features_are_declared_as_the_logits_were() -> None:
    """The engine asks for the channels, and puts the size of a patch in the place of z, y and x."""
    split = split_network(network())
    assert split is not None
    (port_found,) = opened(split.trunk).get_outputs()
    assert (port_found.name, port_found.type) == ("features", "tensor(float)")
    assert port_found.shape == [1, FEATURES, "z", "y", "x"]


@pytest.mark.parametrize(
    "data",
    [
        network(conv(("features", "w", "b"), "logits", pads=(1,) * 6)),
        network(conv(("features", "w", "b"), "logits", strides=(1, 2, 1))),
        network(PLAIN, numbers(HEADS, FEATURES, 3, 1, 1)),
        network(group(2), numbers(6, 1, 1, 1, 1)),
        network(PLAIN, numbers(3, 3, 1, 1, 1), numbers(3)),
        network(message((1, "features"), (2, "logits"), (4, "Relu"))),
        network(PLAIN, WEIGHTS, BIAS, message((1, "logits"), (2, "more"), (4, "Relu"))),
        network(conv(("image", "w", "b"), "logits"), numbers(HEADS, 1, 1, 1, 1)),
        network(conv(("features", "thin"), "logits")),
        network(PLAIN, WEIGHTS, numbers(HEADS - 1)),
        network(message((2, "logits"), (4, "Constant"))),
        model(),
    ],
    ids=[
        "padded",
        "strided",
        "wider than a voxel",
        "grouped",
        "no more heads than features",
        "not a convolution",
        "its output is used again",
        "nothing before it",
        "weights that are computed",
        "a bias of another length",
        "made of nothing",
        "no layer at all",
    ],
)
def test_other_last_layers_stay_on(data: bytes) -> None:
    assert split_network(data) is None


def test_weights_in_another_precision_stay_on() -> None:
    whole = network()
    assert tensor("w", WEIGHTS) in whole
    assert split_network(whole.replace(tensor("w", WEIGHTS), tensor("w", WEIGHTS, element=11))) is None


@pytest.mark.parametrize(
    "data",
    [
        bytes(100),
        network(message((1, "features"), (1, "w"), (2, "logits"), (4, "Conv"), (5, message((1, "strides"), (20, 7))))),
        network().replace(message((8, "w")), message((6, "w"))),
        network().replace(message((9, WEIGHTS.tobytes())), message((9, WEIGHTS.tobytes()[:-4]), (12, "ab"))),
    ],
    ids=["zeros", "strides without numbers", "a tensor without a name", "a tensor that is cut off"],
)
def test_damaged_files_are_refused_with_the_errors_of_bundles(data: bytes) -> None:
    with pytest.raises(BundleModelError, match="taken apart"):
        split_network(data)
