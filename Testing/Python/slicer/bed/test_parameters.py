"""The stand-in for ``slicer.parameterNodeWrapper``: values stand in the node as Slicer writes them, and widgets follow."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import ctk
import pytest
import qt
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

import slicer


@parameterNodeWrapper
class Parameters:
    volume: slicer.vtkMRMLScalarVolumeNode
    name: str = "x"
    folder: Path
    values: list[int]
    count: Annotated[int, WithinRange(1, 8)] = 2
    ratio: Annotated[float, WithinRange(0, 1)] = 0.5
    shown: bool = True
    engine: Annotated[str, Choice(["auto", "cpu"])] = "auto"


@pytest.fixture
def node():
    return ScriptedLoadableModuleLogic().getParameterNode()


@pytest.fixture
def parameters(node) -> Parameters:
    return Parameters(node)


def test_defaults_are_written_at_once(parameters, node) -> None:
    assert node.GetParameter("count") == "2"
    assert node.GetParameter("shown") == "True"
    assert node.GetParameter("values.len") == "0"
    assert node.HasParameter("volume")
    assert parameters.volume is None


def test_values_stand_as_text(parameters, node, scene) -> None:
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    parameters.volume, parameters.values, parameters.folder = volume, [3, 5], Path("a/b")
    assert node.GetNodeReferenceID("volume") == volume.GetID()
    assert [node.GetParameter(f"values.{i}") for i in range(2)] == ["3", "5"]
    assert node.GetParameter("folder") == "a/b"
    assert parameters.volume is volume


def test_a_list_writes_itself(parameters, node) -> None:
    parameters.values = [3, 5, 7]
    parameters.values.remove(5)
    assert node.GetParameter("values.len") == "2"
    assert parameters.values == [3, 7]
    assert not node.HasParameter("values.2")


@pytest.mark.parametrize(
    ("name", "value"), [("count", 9), ("count", 1.5), ("name", None), ("engine", "gpu"), ("values", ["a"])]
)
def test_what_does_not_fit_is_refused(parameters, name: str, value: object) -> None:
    before = getattr(parameters, name)
    with pytest.raises((ValueError, TypeError)):
        setattr(parameters, name, value)
    assert getattr(parameters, name) == before


def test_widgets_and_node_follow_each_other(parameters, scene) -> None:
    panel = qt.QWidget()
    widgets = {
        "shown": qt.QCheckBox(panel),
        "count": qt.QSpinBox(panel),
        "ratio": qt.QDoubleSpinBox(panel),
        "name": qt.QLineEdit(panel),
    }
    widgets |= {"volume": slicer.qMRMLNodeComboBox(panel), "engine": qt.QComboBox(panel), "folder": ctk.ctkPathLineEdit(panel)}
    for name, widget in widgets.items():
        widget.setProperty("SlicerParameterName", name)
    widgets["volume"].setMRMLScene(scene)
    tag = parameters.connectGui(panel)
    assert widgets["shown"].checked is True
    assert (widgets["count"].minimum, widgets["count"].maximum) == (1, 8)
    assert widgets["volume"].nodeTypes == ("vtkMRMLScalarVolumeNode",)
    widgets["count"].value = 5
    widgets["name"].text = "typed"
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    widgets["volume"].setCurrentNode(volume)
    assert (parameters.count, parameters.name, parameters.volume) == (5, "typed", volume)
    parameters.shown, parameters.engine, parameters.folder = False, "cpu", Path("c")
    assert (widgets["shown"].checked, widgets["engine"].currentText, widgets["folder"].currentPath) == (False, "cpu", "c")
    parameters.disconnectGui(tag)
    widgets["count"].value = 3
    assert parameters.count == 5


def test_a_widget_that_slicer_cannot_connect_is_refused(parameters) -> None:
    with pytest.raises(RuntimeError, match="GUI connector"):
        parameters.connectParametersToGui({"count": qt.QLabel()})


def test_parameters_survive_save_and_load(parameters, scene, tmp_path: Path) -> None:
    parameters.count, parameters.values = 7, [1, 2]
    scene.SetURL(str(tmp_path / "scene.mrml"))
    scene.Commit()
    scene.Clear(False)
    scene.SetURL(str(tmp_path / "scene.mrml"))
    scene.Connect()
    loaded = Parameters(ScriptedLoadableModuleLogic().getParameterNode())
    assert (loaded.count, loaded.values) == (7, [1, 2])
