"""The engine itself: sessions from bytes, errors in our words."""

import numpy as np
import pytest

from kdseg.errors import EngineError
from kdseg.inference.engine import open_engine
from kdseg.limits import EngineName


def test_it_says_which_engine_runs(hippocampus_student):
    engine = open_engine(hippocampus_student.model, (16, 16, 16), threads=1, name=EngineName.CPU)
    assert (engine.info.name, engine.info.provider) == (EngineName.CPU, "CPUExecutionProvider")
    assert engine.info.reason == "it was asked for"


def test_logits_have_a_head_for_each_class(hippocampus_student):
    engine = open_engine(hippocampus_student.model, (16, 24, 16), threads=1, name=EngineName.CPU)
    assert engine.run(np.zeros((1, 16, 24, 16), np.float32)).shape == (3, 16, 24, 16)


def test_a_model_that_does_not_load_is_an_engine_error():
    with pytest.raises(EngineError, match="could not load"):
        open_engine(b"not a network", (8, 8, 8), threads=1, name=EngineName.CPU)


def test_a_patch_of_another_shape_is_an_engine_error(hippocampus_student):
    engine = open_engine(hippocampus_student.model, (16, 16, 16), threads=1, name=EngineName.CPU)
    with pytest.raises(EngineError, match="failed on a patch"):
        engine.run(np.zeros((2, 16, 16, 16), np.float32))


def test_an_engine_that_is_not_installed_is_refused(hippocampus_student):
    with pytest.raises(EngineError, match="directml is not installed"):
        open_engine(hippocampus_student.model, (16, 16, 16), threads=1, name=EngineName.DIRECTML)
