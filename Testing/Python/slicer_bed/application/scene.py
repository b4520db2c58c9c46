"""The MRML scene and the logics that Slicer's own modules bring."""

from __future__ import annotations

from dataclasses import dataclass

import vtk

import slicer

# Name of the module in Slicer, name in ``slicer.modules``, class of its logic.
LOGICS = (
    ("Volumes", "volumes", "vtkSlicerVolumesLogic"),
    ("Terminologies", "terminologies", "vtkSlicerTerminologiesModuleLogic"),
    ("Segmentations", "segmentations", "vtkSlicerSegmentationsModuleLogic"),
    ("SubjectHierarchy", "subjecthierarchy", "vtkSlicerSubjectHierarchyModuleLogic"),
    ("Sequences", "sequences", "vtkSlicerSequencesLogic"),
    ("Tables", "tables", "vtkSlicerTablesLogic"),
    ("Plots", "plots", "vtkSlicerPlotsLogic"),
    ("Texts", "texts", "vtkSlicerTextsLogic"),
    ("Models", "models", "vtkSlicerModelsLogic"),
    ("Markups", "markups", "vtkSlicerMarkupsLogic"),
    ("Transforms", "transforms", "vtkSlicerTransformLogic"),
    ("CropVolume", "cropvolume", "vtkSlicerCropVolumeLogic"),
    ("VolumeRendering", "volumerendering", "vtkSlicerVolumeRenderingLogic"),
)


@dataclass(frozen=True)
class MRML:
    """The scene, the application logic, and the logics of the modules by their name in ``slicer.modules``."""

    scene: object
    application_logic: object
    logics: dict[str, object]


def make(share_folder: str, cache_folder: str) -> MRML:
    """Return a scene with its logics, as it is right after Slicer's start; scenes in one file are unpacked in the cache."""
    scene = slicer.vtkMRMLScene()
    cache, files = slicer.vtkCacheManager(), slicer.vtkDataIOManager()
    cache.SetRemoteCacheDirectory(cache_folder)
    files.SetCacheManager(cache)
    scene.SetCacheManager(cache)
    scene.SetDataIOManager(files)
    application_logic = slicer.vtkSlicerApplicationLogic()
    application_logic.SetMRMLScene(scene)
    application_logic.SetSliceLogics(vtk.vtkCollection())
    application_logic.SetViewLogics(vtk.vtkCollection())
    colors = application_logic.GetColorLogic()
    colors.SetMRMLScene(scene)
    application_logic.SetModuleLogic("Colors", colors)
    logics = {"colors": colors}
    for module, name, class_name in LOGICS:
        logic = getattr(slicer, class_name)()
        if hasattr(logic, "SetModuleShareDirectory"):
            logic.SetModuleShareDirectory(share_folder)
        logic.SetMRMLApplicationLogic(application_logic)
        logic.SetMRMLScene(scene)
        application_logic.SetModuleLogic(module, logic)
        logics[name] = logic
    mrml = MRML(scene, application_logic, logics)
    add_default_nodes(mrml)
    return mrml


def add_default_nodes(mrml: MRML) -> None:
    """Add the nodes that a new scene has."""
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    mrml.scene.AddNode(crosshair)
    mrml.logics["colors"].AddDefaultColorNodes()
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(mrml.scene, True)
    slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(mrml.scene)


def clear(mrml: MRML) -> None:
    """Empty the scene, singletons included, and bring back the nodes of a new scene."""
    mrml.scene.Clear(True)
    add_default_nodes(mrml)
