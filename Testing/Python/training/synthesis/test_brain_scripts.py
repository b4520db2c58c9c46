"""The scripts that measure brain students: what they refuse, and the numbers that they take from others."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk


def test_heads_whose_results_would_have_one_name_are_refused(load_script) -> None:
    script = load_script("Examples/brain/compare_meshnet.py")
    heads = [Path("a/one.nii.gz"), Path("b/two.nii")]
    assert script.distinct_stems(heads) == {"one": heads[0], "two": heads[1]}
    with pytest.raises(SystemExit, match=r"would be called one, like those of .*one\.nii\.gz"):
        script.distinct_stems([*heads, Path("c/one.other.nii.gz")])


def test_the_peak_memory_of_a_program_is_its_own(load_script) -> None:
    import sys

    script = load_script("Examples/brain/compare_meshnet.py")
    large = script.run([sys.executable, "-c", "import numpy; numpy.ones(60_000_000)"])
    small = script.run([sys.executable, "-c", "import numpy"])
    assert 0.3 < large.peak_gib - small.peak_gib < 0.6
    with pytest.raises(SystemExit, match="ended with 3"):
        script.run([sys.executable, "-c", "raise SystemExit(3)"])


def test_validation_label_maps_are_chosen_by_name(load_script) -> None:
    script = load_script("Examples/brain/evaluate_drawn.py")
    one, two = (SimpleNamespace(name=name) for name in ("one", "two"))
    prepared = SimpleNamespace(validation=(one, two))
    assert script.chosen(prepared, []) == [one, two]
    assert script.chosen(prepared, ["two"]) == [two]
    with pytest.raises(SystemExit, match="expected some of one, two, found three"):
        script.chosen(prepared, ["two", "three"])


ROBUSTNESS = """| head | change | mean Dice with clean | worst structure | seconds |
|---|---|---|---|---|
| a | as it is | | | 7 |
| a | cropped | 0.911 | 0.834 (Left amygdala) | 5 |
"""


def test_a_change_without_a_number_stops_the_tables(load_script) -> None:
    script = load_script("Examples/brain/write_tables.py")
    assert script.robustness_table(ROBUSTNESS)[-1] == "| cropped | 0.911 | 0.834 (Left amygdala) |"
    with pytest.raises(SystemExit, match="expected a number for every change"):
        script.robustness_table(ROBUSTNESS + "| a | inverted | nan | nan (none) | 5 |\n")
    with pytest.raises(SystemExit, match="no changes"):
        script.robustness_table("")


def image(values: np.ndarray, spacing_mm: float = 1.0) -> sitk.Image:
    result = sitk.GetImageFromArray(values, isVector=False)
    result.SetSpacing([spacing_mm] * values.ndim)
    return result


def test_an_atlas_of_numbers_comes_onto_the_grid_of_the_head(load_script, tmp_path: Path) -> None:
    script = load_script("Examples/brain/evaluate_atlases.py")
    coarse = np.zeros((2, 2, 2), np.int16)
    coarse[1, 0, 1] = 77
    sitk.WriteImage(image(coarse, 2.0), str(tmp_path / "atlas.nii.gz"))
    grid = image(np.zeros((3, 3, 3), np.uint8))
    found = script.atlas_labels(tmp_path / "atlas.nii.gz", 0, grid)
    assert found[2, 0, 2] == 77
    assert found[0, 0, 0] == 0


def test_an_atlas_of_probabilities_gives_the_most_probable_structure(load_script, tmp_path: Path) -> None:
    script = load_script("Examples/brain/evaluate_atlases.py")
    shares = np.zeros((2, 1, 1, 3), np.float32)  # volume, z, y, x
    shares[:, 0, 0] = [[60, 20, 10], [30, 40, 20]]
    sitk.WriteImage(image(shares), str(tmp_path / "atlas.nii.gz"))
    found = script.atlas_labels(tmp_path / "atlas.nii.gz", 25, image(np.zeros((1, 1, 3), np.uint8)))
    assert found.tolist() == [[[0, 1, -1]]]


def test_dice_with_an_atlas_is_over_the_classes_that_it_has(load_script) -> None:
    script = load_script("Examples/brain/evaluate_atlases.py")
    number = list(script.MEMBERS).index("Thalamus") + 1
    result, truth = np.array([number, number, 0, 1]), np.array([True, False, False, True])
    assert script.dice(result, "Thalamus", truth) == 0.5
    with pytest.raises(SystemExit, match="Thalamus: the atlas has none"):
        script.dice(result, "Thalamus", truth & False)
    assert list(script.numbers("100-102")) == [100, 101, 102]
    assert list(script.numbers([4])) == [4]
    lines = script.markdown({"AAL": {"Thalamus": [0.5, 0.25], "Caudate": [1.0, 0.75]}}, ["student", "MeshNet"]).splitlines()
    assert lines[0] == "| atlas | class | student | MeshNet |"
    assert lines[-1] == "| AAL | **mean** | **0.750** | **0.500** |"


@pytest.mark.parametrize(
    ("students", "atlases", "said"),
    [
        (["a=x", "a=y"], ["AAL=f"], "--student: expected a name of its own for each, found a more than once"),
        (["a=x", "MeshNet=y"], ["AAL=f"], "--student: expected another name, as that is MeshNet's column"),
        (["a=x", "b=y"], ["AAL=f", "AAL=g"], "--atlas: expected a name of its own for each, found AAL more than once"),
        (["a=x", "b=y"], ["AAL=f", "Nobody=g"], "found Nobody"),
    ],
)
@pytest.mark.parametrize("apart", [False, True])
def test_names_that_a_table_of_atlases_would_lose_are_refused_first(
    load_script, monkeypatch, capsys, students, atlases, said, apart
) -> None:
    script = load_script("Examples/brain/evaluate_atlases.py")
    words = ["evaluate_atlases.py", "no_meshnet", "no_heads", "--bundle", "no_bundle", "--output", "no_output"]
    for option, names in (("--student", students), ("--atlas", atlases)):
        words += [word for name in names for word in (option, name)] if apart else [option, *names]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit) as caught:
        script.main()
    assert caught.value.code == 2  # as of any wrong command line; none of the files is there to be read
    assert said in capsys.readouterr().err


def test_the_atlases_name_classes_of_meshnet(load_script) -> None:
    import yaml

    script = load_script("Examples/brain/evaluate_atlases.py")
    for atlas in yaml.safe_load(script.ATLASES.read_text(encoding="utf-8")).values():
        assert set(atlas["classes"]) <= set(script.MEMBERS)
        every = [n for given in atlas["classes"].values() for n in script.numbers(given)]
        assert len(every) == len(set(every)), "one number, one class"
