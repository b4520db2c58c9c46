"""The choice of engine: never silent, always explained."""

import pytest

from kdseg.errors import EngineError
from kdseg.inference.providers import PROVIDERS, choose_engine, describe, provider_options
from kdseg.limits import EngineName

CPU, OPENVINO, CUDA = (PROVIDERS[n] for n in (EngineName.CPU, EngineName.OPENVINO, EngineName.CUDA))


def test_auto_takes_openvino_where_it_is_installed():
    assert choose_engine(EngineName.AUTO, [OPENVINO, CPU]).name is EngineName.OPENVINO


def test_auto_never_takes_a_graphics_card():
    choice = choose_engine(EngineName.AUTO, [CUDA, CPU])
    assert choice.name is EngineName.CPU
    assert "only when asked for" in choice.reason


def test_a_missing_engine_is_an_error_and_not_a_fallback():
    with pytest.raises(EngineError, match="onnxruntime-gpu"):
        choose_engine(EngineName.CUDA, [CPU])


def test_openvino_computes_in_single_precision():
    assert provider_options(EngineName.OPENVINO, 2)["precision"] == "FP32"


def test_what_is_installed_is_described():
    engines = {e.name: e for e in describe()}
    assert engines[EngineName.CPU].available
    assert set(engines) == set(PROVIDERS)
