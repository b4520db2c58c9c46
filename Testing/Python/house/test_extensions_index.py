"""What the Extensions Index asks of the catalogue entry, of the meta-information and of the pictures."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

STRING, STRINGS = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
ENTRY_RULES = {
    "type": "object",
    "additionalProperties": False,
    "required": ["$schema", "category", "scm_url"],
    "properties": {
        **dict.fromkeys(("$schema", "category", "scm_url", "scm_revision", "build_subdirectory"), STRING),
        "scm_type": {"enum": ["git", "local"]},
        "build_dependencies": STRINGS,
        "enabled": {"type": "boolean"},
        "tier": {"type": "integer", "minimum": 1, "maximum": 5},
    },
}
"""The rules of version 1.0.1 of the index's schema for catalogue entries, in our own words."""

ICONS = {
    "module_icon": "KDSegmentator/Resources/Icons/KDSegmentator.png",
    "training_icon": "KDSegmentatorTraining/Resources/Icons/KDSegmentatorTraining.png",
    "effect_icon": "KDSegmentator/SegmentEditorKDSegmentatorLib/SegmentEditorEffect.png",
}
BACKGROUNDS = {"light theme": 240, "dark theme": 45}


@pytest.fixture(scope="module")
def entry(repository: Path) -> dict:
    return json.loads((repository / "KDSegmentator.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def variables(repository: Path) -> dict[str, str]:
    """The variables of the top CMakeLists.txt, with references to each other resolved."""
    text = (repository / "CMakeLists.txt").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for name, value in re.findall(r'^set\((\w+) "(.*)"\)$', text, re.MULTILINE):
        found[name] = re.sub(r"\$\{(\w+)\}", lambda match: found[match[1]], value)
    return found


def test_the_entry_is_valid(entry: dict) -> None:
    jsonschema.Draft7Validator(ENTRY_RULES).validate(entry)
    assert entry["$schema"].endswith("/slicer-extension-catalog-entry-schema-v1.0.1.json#")


@pytest.mark.parametrize(
    "change", [{"scm_url": 1}, {"tier": 6}, {"scmurl": "x"}, {"build_dependencies": "NA"}, {"category": None}]
)
def test_the_rules_refuse_a_wrong_entry(entry: dict, change: dict) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(ENTRY_RULES).validate({**entry, **change})


def test_entry_and_cmake_say_the_same(entry: dict, variables: dict[str, str], repository: Path) -> None:
    project = re.search(r"^project\((\w+)\)$", (repository / "CMakeLists.txt").read_text(encoding="utf-8"), re.MULTILINE)[1]
    address = f"https://github.com/{variables['KDSegmentator_REPOSITORY']}"
    assert (repository / f"{project}.json").is_file()
    assert entry["scm_url"] == f"{address}.git"
    assert entry["scm_url"].endswith(f"/Slicer{project}.git")
    assert variables["EXTENSION_HOMEPAGE"].startswith(address)
    assert entry["category"] == variables["EXTENSION_CATEGORY"]
    assert entry["build_dependencies"] == []
    assert variables["EXTENSION_DEPENDS"] == "NA"


def test_the_pictures_of_the_catalogue_are_in_the_repository(variables: dict[str, str], entry: dict, repository: Path) -> None:
    addresses = [variables["EXTENSION_ICONURL"], *variables["EXTENSION_SCREENSHOTURLS"].split(" ")]
    start = f"https://raw.githubusercontent.com/{variables['KDSegmentator_REPOSITORY']}/{entry['scm_revision']}/"
    for address in addresses:
        assert address.startswith(start)
        with Image.open(repository / address[len(start) :]) as picture:
            assert picture.format == "PNG"


def test_the_description_is_one_or_two_sentences(variables: dict[str, str]) -> None:
    description = variables["EXTENSION_DESCRIPTION"]
    assert 1 <= description.count(". ") + description.endswith(".") <= 2
    assert len(description) <= 250


def test_the_checkout_is_small(repository: Path, project_files: list[Path]) -> None:
    assert sum((repository / path).stat().st_size for path in project_files) < 100e6


@pytest.mark.parametrize("drawing", ICONS)
def test_an_icon_is_what_its_script_draws(load_script, repository: Path, drawing: str) -> None:
    drawn = getattr(load_script("Resources/Icons/draw_icons.py"), drawing)()
    with Image.open(repository / ICONS[drawing]) as icon:
        assert icon.size == (128, 128)
        difference = np.asarray(icon.convert("RGBA")).astype(int) - np.asarray(drawn).astype(int)
    assert np.abs(difference).mean() < 1.0  # versions of pillow smooth edges a little differently


def test_the_thumbnail_of_the_sample_data_has_the_size_that_slicer_shows(repository: Path) -> None:
    with Image.open(repository / "KDSegmentator/Resources/Icons/KDSegmentatorBrain.png") as picture:
        assert picture.size == (260, 280)


@pytest.mark.parametrize("theme", BACKGROUNDS)
@pytest.mark.parametrize("drawing", ICONS)
def test_an_icon_stands_out_from_both_themes(repository: Path, drawing: str, theme: str) -> None:
    with Image.open(repository / ICONS[drawing]) as icon:
        small = icon.convert("RGBA").resize((24, 24), Image.Resampling.LANCZOS)
    level = BACKGROUNDS[theme]
    background = Image.new("RGBA", small.size, (level, level, level, 255))
    seen = np.asarray(Image.alpha_composite(background, small).convert("L")).astype(int)
    assert (np.abs(seen - level) > 60).sum() >= 60  # pixels of 576 that differ clearly from what lies behind
