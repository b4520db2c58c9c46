"""The recipes for the brain: their files are valid and fit together, and the command knows where it stands."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import SimpleITK as sitk

from kdseg.bundle import load_student
from kdseg_testing.shipped import BRAIN as BUNDLE
from kdseg_training.distillation.config import read_config
from kdseg_training.distillation.family.plans import narrowed_features
from kdseg_training.export.metadata import read_metadata
from kdseg_training.synthesis.config import read_synthesis_config
from kdseg_training.synthesis.settings import ContrastSettings

BRAIN = Path(__file__).parents[4] / "Examples" / "brain"
RECIPES = ("cpu", "gpu", "tiny")


@pytest.fixture
def train(load_script) -> ModuleType:
    return load_script("Examples/brain/train.py")


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_files_of_a_recipe_fit_together(recipe: str, train) -> None:
    folder = BRAIN / recipe
    prepared = {config.dataset: config for config in map(read_synthesis_config, train.synthesis_files(folder))}
    made: dict[Path, tuple[float, int]] = {}
    for run in train.RUNS[recipe]:
        config = read_config(folder / f"{run}.yaml")
        synthesis = prepared[config.dataset]
        assert synthesis.anatomy.is_file()
        assert (synthesis.plans, synthesis.preprocessed) == (config.plans, config.preprocessed)
        assert config.synthesis is not None
        assert not config.mirror_augmentation
        assert config.teacher is None or config.teacher.model_folder in made
        for student in config.students:
            if student.pretrained_weights is not None:
                source = made[student.pretrained_weights.parents[1]]
                own = (student.factor or 1, student.floor)
                assert source == own or source[0] == 1
                assert student.weight_selection == (source != own)
        folders = train.model_folders(folder, run)
        made.update({folders[student.name]: (student.factor or 1, student.floor) for student in config.students})
    files = {path.name for path in folder.glob("*.yaml")}
    assert files == {path.name for path in train.synthesis_files(folder)} | {f"{run}.yaml" for run in train.RUNS[recipe]}


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_network_that_goes_on_is_the_same_network(recipe: str, train) -> None:
    synthesis = [read_synthesis_config(path) for path in train.synthesis_files(BRAIN / recipe)]
    assert len(synthesis) > 1
    assert len({str((config.network.features, config.network.blocks)) for config in synthesis}) == 1
    assert len({str(config.validation) for config in synthesis}) == 1
    spacings = [
        next(s.spacing_mm for s in synthesis if s.dataset == read_config(BRAIN / recipe / f"{run}.yaml").dataset)
        for run in train.RUNS[recipe]
        if run not in ("beginnings", "family")
    ]
    assert spacings == sorted(spacings, reverse=True)


@pytest.mark.parametrize("recipe", RECIPES)
def test_students_of_a_width_begin_alike_and_one_has_no_teacher(recipe: str) -> None:
    """So that what differs in the end comes from the losses."""
    students = read_config(BRAIN / recipe / "family.yaml").students
    beginnings = {(student.factor, student.floor, student.pretrained_weights, student.weight_selection) for student in students}
    assert len(beginnings) == len({student.factor for student in students})
    assert None not in {student.pretrained_weights for student in students}
    assert {student.is_distilled for student in students} == {False, True}


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_student_has_all_layers_of_its_teacher(recipe: str) -> None:
    """A residual block between stages of one width has no projection; the teacher's would be left out."""
    features = read_synthesis_config(BRAIN / recipe / "synthesis.yaml").network.features
    runs = [BRAIN / recipe / f"{run}.yaml" for run in ("beginnings", "family")]
    for student in [student for run in runs if run.is_file() for student in read_config(run).students]:
        narrow = narrowed_features(features, student.factor or 1, student.floor)
        pairs = zip(features, features[1:], narrow, narrow[1:], strict=False)
        assert all((a == b) == (c == d) for a, b, c, d in pairs), (student.name, narrow)


def test_the_large_recipes_hold_two_heads_back() -> None:
    for recipe in ("cpu", "gpu"):
        assert len(read_synthesis_config(BRAIN / recipe / "synthesis.yaml").validation) == 2


def test_the_metadata_says_that_volumes_are_turned_to_ras() -> None:
    metadata = read_metadata(BRAIN / "metadata.json")
    assert metadata["orientation"] == {"training_data": "RAS"}
    assert "Billot" in metadata["attribution"]


def test_a_run_keeps_the_files_that_it_began_with(train, tmp_path: Path, capsys) -> None:
    folder = train.set_up("tiny", tmp_path)
    (folder / "teacher.yaml").write_text("changed: true\n", encoding="utf-8")
    assert train.set_up("tiny", tmp_path) == folder
    assert (folder / "teacher.yaml").read_text(encoding="utf-8") == "changed: true\n"
    assert "teacher.yaml differs" in capsys.readouterr().out
    assert read_synthesis_config(folder / "synthesis.yaml").anatomy.is_file()


def test_a_folder_of_an_older_recipe_is_told_at_once(train, tmp_path: Path) -> None:
    folder = train.set_up("tiny", tmp_path)
    train.require_beginnings(folder, "tiny")
    text = (folder / "family.yaml").read_text(encoding="utf-8")
    (folder / "family.yaml").write_text(text.replace("/teacher__", "/half__"), encoding="utf-8")
    with pytest.raises(SystemExit, match=r"half_soft begins with .*, which no run makes"):
        train.require_beginnings(folder, "tiny")


def test_the_estimate_counts_the_steps_of_the_files(train, tmp_path: Path) -> None:
    folder = train.set_up("tiny", tmp_path)
    budget = read_config(folder / "teacher.yaml").budget
    assert train.training_steps(folder / "teacher.yaml") == budget.steps
    assert f"teacher: {budget.steps} steps" in train.estimate(folder, "tiny")


def test_only_a_final_checkpoint_means_trained(train, tmp_path: Path) -> None:
    fold = tmp_path / "fold_0"
    fold.mkdir()
    (fold / "checkpoint_latest.pth").touch()
    assert not train.is_trained(tmp_path)
    (fold / "checkpoint_final.pth").touch()
    assert train.is_trained(tmp_path)


# --- the changes of evaluate_real.py ------------------------------------------------------------------------------------------


@pytest.fixture
def ball() -> sitk.Image:
    """A bright ball off the middle on a dark background, anisotropic and oblique."""
    z, y, x = np.meshgrid(np.arange(40), np.arange(44), np.arange(48), indexing="ij")
    inside = (z - 18) ** 2 + (y - 24) ** 2 + (x - 20) ** 2 < 100
    image = sitk.GetImageFromArray((inside * 100.0 + 5).astype(np.float32))
    image.SetSpacing((1.0, 1.0, 1.5))
    image.SetDirection((0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0))
    image.SetOrigin((10.0, -20.0, 30.0))
    return image


@pytest.mark.parametrize("name", ["rotated", "cropped", "thick_slices", "biased", "stripped"])
def test_labels_come_onto_a_changed_image_where_the_head_is(load_script, ball: sitk.Image, name: str) -> None:
    script = load_script("Examples/brain/evaluate_real.py")
    labels = ball > 50
    image, transform = getattr(script, name)(ball, labels)
    found = sitk.GetArrayFromImage(image) > 40
    moved = sitk.GetArrayFromImage(sitk.Resample(labels, image, transform, sitk.sitkNearestNeighbor, 0)) > 0
    assert 2 * (found & moved).sum() / (found.sum() + moved.sum()) > 0.93


def test_inversion_exchanges_bright_and_dark_and_keeps_the_background(load_script, ball: sitk.Image) -> None:
    script = load_script("Examples/brain/evaluate_real.py")
    values = sitk.GetArrayFromImage(ball)
    values[18, 24, 20] = 60
    inverted = sitk.GetArrayFromImage(script.inverted(script.like(values, ball), ball > 50).image)
    assert inverted[18, 24, 20] > inverted[18, 24, 22]
    assert inverted[0, 0, 0] == 5


# --- the numbers of evaluate_drawn.py -----------------------------------------------------------------------------------------


def test_dice_of_drawn_heads_by_hand(load_script) -> None:
    script = load_script("Examples/brain/evaluate_drawn.py")
    truth, found = np.array([[1, 1, 2, 0, 0]]), np.array([[1, 0, 2, 2, 3]])
    np.testing.assert_array_equal(script.dice(found, truth, 4), [2 / 3, 2 / 3, np.nan, np.nan])


def test_students_are_compared_on_the_same_heads(load_script) -> None:
    script = load_script("Examples/brain/evaluate_drawn.py")
    heads = [(kind, np.array([0.5, 0.7 + 0.1 * i])) for kind in script.CONTRASTS for i in (-1, 1)]
    better = [(kind, row + 0.1) for kind, row in heads]
    lines = script.table({"plain": heads, "soft": better})
    assert lines[0] == "| student | t1 | inverted | related | free | all 8 | against plain (95 % interval) |"
    assert lines[2] == "| plain | 0.600 | 0.600 | 0.600 | 0.600 | 0.600 |  |"
    assert lines[3] == "| soft | 0.700 | 0.700 | 0.700 | 0.700 | 0.700 | +0.100 (+0.100 to +0.100) |"


def test_a_structure_that_no_head_shows_is_left_out(load_script) -> None:
    script = load_script("Examples/brain/evaluate_drawn.py")
    heads = [(kind, np.array([0.5, np.nan])) for kind in script.CONTRASTS for _ in range(2)]
    assert script.table({"plain": heads, "soft": heads})[3].endswith("0.500 | +0.000 (+0.000 to +0.000) |")


def test_only_students_of_the_label_maps_structures_are_compared(load_script) -> None:
    script = load_script("Examples/brain/evaluate_drawn.py")
    names = [entry.name for entry in load_student(BUNDLE.path).entries]
    assert list(script.open_students([BUNDLE.path], names)) == [BUNDLE.path.name]
    for paths, structures, words in (
        ([BUNDLE.path], names[::-1], "structures of the label maps"),
        ([BUNDLE.path] * 2, names, "another bundle of that name"),
    ):
        with pytest.raises(SystemExit, match=words):
            script.open_students(paths, structures)


def test_each_kind_of_contrast_is_drawn_alone(load_script) -> None:
    script = load_script("Examples/brain/evaluate_drawn.py")
    for kind in script.CONTRASTS:
        contrast = script.only(kind, ContrastSettings(t1_jitter=0.5))
        assert contrast.t1_jitter == 0.5
        assert [getattr(contrast, name) for name in script.CONTRASTS] == [float(name == kind) for name in script.CONTRASTS]


# --- the tables of write_tables.py --------------------------------------------------------------------------------------------


def test_the_tables_of_a_result(load_script, tmp_path: Path) -> None:
    script = load_script("Examples/brain/write_tables.py")
    (tmp_path / "volumes.csv").write_text(
        "head,structure,volume_ml\na,Left x,120.4\na,Stem,12.34\na,Right x,100\n", encoding="utf-8"
    )
    heads = script.volumes(tmp_path)
    assert script.volume_table(heads)[2:] == ["| x | 120 | 100 |", "| Stem | 12.3 |  |"]
    assert script.asymmetries(heads["a"]) == ["Larger side of the template, by: x 20% (left)."]
    text = "| a | turned | 0.812 | 0.300 (x) | 4 |\n| b | turned | 0.700 | 0.200 (y) | 4 |\n"
    assert script.robustness_table(text)[2] == "| turned | 0.812 | 0.700 | 0.200 (y) |"
    other = "| a | turned | 0.500 | 0.300 (x) | 4 |\n"
    assert script.arms_table({"one": text, "two": other})[0] == "| change | one | two |"
    assert script.arms_table({"one": text, "two": other})[2] == "| turned | 0.756 | 0.500 |"


def test_a_table_replaces_what_lies_between_its_markers(load_script) -> None:
    script = load_script("Examples/brain/write_tables.py")
    document = "a\n<!-- t -->\nold\n<!-- end of t -->\nb\n"
    assert script.put(document, "t", ["new"]) == "a\n<!-- t -->\n\nnew\n\n<!-- end of t -->\nb\n"
    with pytest.raises(SystemExit, match="once each"):
        script.put(document, "other", ["new"])
