"""The page: complete, offline, accessible, and proof against any name."""

from __future__ import annotations

import io
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from kdseg.errors import GeometryError, InputError, OutputError
from kdseg_training.evaluation import Evaluation, EvaluationSettings
from kdseg_training.evaluation.comparison import compare
from kdseg_training.evaluation.report import write_report
from kdseg_training.evaluation.report.averages import Averages
from kdseg_training.evaluation.report.comparisons import comparison_section
from kdseg_training.evaluation.report.methods import methods_section
from kdseg_training.evaluation.report.overview import overview_section
from kdseg_training.evaluation.report.structures import structures_section

from .conftest import HOSTILE, picture_bytes, read

SECTIONS = ["overview", "structures", "distributions", "worst", "volumes", "comparison", "methods"]


def report(evaluation, path, teacher=None, margins=None, **more):
    write_report(evaluation, compare(evaluation, teacher, None, margins, resamples=200), path, **more)
    return path


@pytest.fixture(scope="session")
def page(real_files):
    return read_page(report(real_files.evaluation, real_files.folder / "report.html", "near", {"dice": 0.1}))


@pytest.fixture
def small(make_evaluation):
    return make_evaluation({"model": {f"case{i}": [(0.9 + i / 1000, 0.9, 1.0)] for i in range(7)}}, {1: "$x_1$"})


def read_page(path):
    return read(path.read_text(encoding="utf-8"))


def test_it_has_every_section_and_a_way_to_each(page) -> None:
    assert [section.attributes["id"] for section in page.find("section")] == SECTIONS
    assert [link.attributes["href"] for link in page.find("nav")[0].find("a")] == [f"#{key}" for key in SECTIONS]
    ids = [element.attributes["id"] for tag in ("section", "h2") for element in page.find(tag)]
    assert len(ids) == len(set(ids))
    for link in page.find("a"):
        assert link.attributes["href"][1:] in ids


def test_nothing_comes_from_elsewhere_and_nothing_runs(page, real_files) -> None:
    policy = page.find("meta", **{"http-equiv": "Content-Security-Policy"})[0].attributes["content"]
    assert policy.startswith("default-src 'none'")
    assert page.find("script") == []
    for tag in ("link", "iframe", "object", "embed", "form", "base"):
        assert page.find(tag) == []
    for image in page.find("img"):
        assert image.attributes["src"].startswith("data:image/")
    assert not re.search(r"url\(|@import|https?:", page.find("style")[0].text)


def test_it_can_be_read_aloud(page) -> None:
    assert page.find("html")[0].attributes["lang"] == "en"
    assert len(page.find("h1")) == 1
    for image in page.find("img"):
        assert len(image.attributes["alt"]) > 20
    for table in page.find("table"):
        assert table.find("caption")[0].text.strip()
        assert all(head.attributes["scope"] in {"col", "row", "rowgroup"} for head in table.find("th"))
        assert len({len(row) for row in table.rows()}) == 1, table.find("caption")[0].text


def test_every_structure_case_and_status_is_counted(page) -> None:
    table = page.find("section", id="structures")[0].find("table")[0]
    head, *rows = table.rows()
    columns = head.index("In both"), head.index("In neither") + 1
    counts = {(row[0], row[1]): [int(cell) for cell in row[slice(*columns)]] for row in rows}
    assert counts == {
        ("left", "near"): [8, 0, 0, 0],
        ("left", "far"): [8, 0, 0, 0],
        ("right", "near"): [8, 0, 0, 0],
        ("right", "far"): [7, 1, 0, 0],
        ("never there", "near"): [0, 0, 0, 8],
        ("never there", "far"): [0, 0, 1, 7],
    }


def test_the_numbers_are_those_of_the_evaluation(page, real_files) -> None:
    far = real_files.evaluation.model("far")
    head, *rows = page.find("section", id="structures")[0].find("table")[0].rows()
    row = next(row for row in rows if row[:2] == ["right", "far"])
    dice = [case.classes[2].dice for case in far.cases]
    assert row[head.index("Dice: mean")].startswith(f"{sum(dice) / 8:.3f} (")
    assert row[head.index("worst")] == "0.000"
    distances = sorted(case.classes[1].hd_percentiles_mm[95.0] for case in far.cases)
    left = next(row for row in rows if row[:2] == ["left", "far"])
    assert left[head.index("largest")] == f"{distances[-1]:.2f}"
    overview = page.find("section", id="overview")[0].find("table")[0].rows()
    assert overview[2][:6] == ["far", "8", "0", "0", "1", "1"]


def test_worst_cases_are_pictured_and_told(page) -> None:
    figures = page.find("section", id="worst")[0].find("figure")
    texts = [figure.find("figcaption")[0].text for figure in figures]
    assert any(text.startswith("case2, right (missed)") for text in texts)
    assert any(text.startswith("case3, never there (hallucinated)") for text in texts)
    stray = next(text for text in reversed(texts) if text.startswith("case4, left"))  # of the second model
    # voxel (11, 15, 19) and its outer corner in LPS: 5 + 19.5, 6 + 15.5, 7 + 2 x 11.5 mm
    assert "At L 24.5, P 21.5, S 30.0 mm the surface of the prediction" in stray
    # the nearest corner of the ball is that of its voxel (7, 8, 8), at (7.5, 8.5, 8.5): 11 x 1, 7 x 1 and 4 x 2 mm away
    assert math.isclose(page_distance(stray), math.sqrt(11**2 + 7**2 + 8**2), abs_tol=0.05)
    for figure in figures:
        with Image.open(io.BytesIO(picture_bytes(figure.find("img")[0]))) as image:
            assert image.format == "PNG"


def page_distance(text):
    return float(re.search(r"is ([0-9.]+) mm away", text).group(1))


def test_verdicts_and_differences_stand_in_the_comparison(page) -> None:
    section = page.find("section", id="comparison")[0]
    teacher = next(t for t in section.find("table") if "one-sided" in t.find("caption")[0].text)
    head, dice, *_ = teacher.rows()
    assert dice[head.index("Margin")] == "0.1"
    assert dice[head.index("Verdict")] in {"not inferior", "not shown"}
    assert "Recovered (95 %)" not in head
    assert "Without a margin there is no verdict: NSD at 1 mm, HD95 (mm)" in section.text


def test_methods_name_command_and_definition(page) -> None:
    text = page.find("section", id="methods")[0].text
    assert "kdseg-training evaluate near reference --compare far=far" in text
    assert "doi:10.2196/26151" in text
    assert "1 = left, 2 = right, 3 = never there" in text


def test_hostile_names_stay_names(make_evaluation, tmp_path) -> None:
    rows = {f"{HOSTILE} {i}": [(0.9 + i / 1000, 0.9, 1.0)] * 2 for i in range(7)}
    gaps = {
        "failed": (("x" + HOSTILE, GeometryError(HOSTILE, found=HOSTILE)),),
        "missing": (HOSTILE,),
        "unexpected": (f"{HOSTILE}\udcff",),
    }
    evaluation = make_evaluation({HOSTILE: rows, "b": rows}, {1: HOSTILE, 2: "a" * 300}, b=gaps)
    evaluation = Evaluation(evaluation.settings, HOSTILE, evaluation.models, {"command": HOSTILE, HOSTILE: [HOSTILE]})
    page = read_page(report(evaluation, tmp_path / "report.html"))
    assert page.find("script") == []
    shown = HOSTILE.replace("\u202e", "\ufffd").replace("\x07", "\ufffd")
    names = [name.text for name in page.find("bdi")]
    assert shown in names
    assert f"{shown}\ufffd" in names
    assert shown in page.find("pre")[0].text
    drawings = [image for image in page.find("img") if image.attributes["src"].startswith("data:image/svg")]
    assert drawings
    for image in drawings:
        drawing = ElementTree.fromstring(picture_bytes(image))
        assert not [element for element in drawing.iter() if element.tag.endswith("script")]


def test_names_in_charts_are_text_and_no_formulas_and_one_model_needs_no_comparison(small, tmp_path) -> None:
    page = read_page(report(small, tmp_path / "report.html"))
    assert [section.attributes["id"] for section in page.find("section")] == [key for key in SECTIONS if key != "comparison"]
    assert "Model" not in page.find("section", id="structures")[0].find("table")[0].rows()[0]
    drawing = ElementTree.fromstring(picture_bytes(page.find("section", id="distributions")[0].find("img")[0]))
    assert "$x_1$" in [element.text for element in drawing.iter()]


def test_the_same_evaluation_makes_the_same_bytes(small, tmp_path) -> None:
    pages = [report(small, tmp_path / f"{name}.html").read_bytes() for name in "ab"]
    assert pages[0] == pages[1]


def test_gaps_are_said_at_the_top(real_files) -> None:
    first, second = real_files.evaluation.models
    broken = replace(
        second,
        cases=second.cases[1:],
        failed=(("case0", GeometryError("Other grid.", found="shape (1, 2, 3)")),),
        missing=("case8", "case9"),
    )
    evaluation = replace(real_files.evaluation, models=(first, broken))
    text = read(overview_section(evaluation, Averages(evaluation, 200, 0))).text
    assert "Refused: case0: Other grid. Found: shape (1, 2, 3)" in text
    assert "No prediction: case8, case9" in text
    assert "not of the same cases and structures" in text
    assert "Only 7 cases" in text


def test_an_evaluation_without_any_measured_case_still_says_why(real_files, tmp_path) -> None:
    model = replace(real_files.evaluation.models[0], cases=(), failed=(("case0", InputError("Damaged.")),), missing=("case1",))
    write_report(replace(real_files.evaluation, models=(model,)), None, tmp_path / "report.html")
    page = read_page(tmp_path / "report.html")
    assert [section.attributes["id"] for section in page.find("section")] == ["overview", "methods"]
    assert "Refused: case0: Damaged." in page.text


def test_few_cases_have_no_intervals(real_files) -> None:
    models = tuple(replace(model, cases=model.cases[:3]) for model in real_files.evaluation.models)
    evaluation = replace(real_files.evaluation, models=models)
    averages = Averages(evaluation, 200, 0)
    comparison = read(comparison_section(compare(evaluation, "near"), evaluation.settings.labels))
    assert "Fewer than 6 common cases" in comparison.text
    for section in (read(overview_section(evaluation, averages)), read(structures_section(evaluation, averages)), comparison):
        assert section.find("table")
        assert section.find("span", **{"class": "interval"}) == []


def test_an_unwritable_place_is_an_output_error(real_files, tmp_path) -> None:
    model = replace(real_files.evaluation.models[0], cases=())
    with pytest.raises(OutputError):
        write_report(replace(real_files.evaluation, models=(model,)), None, tmp_path / "nowhere" / "report.html")


def test_importing_the_report_loads_no_matplotlib(repository: Path) -> None:
    code = (
        "import sys; sys.path[:0] = ['KDSegmentator', 'KDSegmentatorTraining']; "
        "import kdseg_training.evaluation.report, kdseg_training.evaluation.comparison; print('matplotlib' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=repository, check=True, capture_output=True, text=True)
    assert result.stdout.strip() == "False"


def test_regions_are_told_by_their_values(real_files) -> None:
    settings = EvaluationSettings({1: "whole", 2: "core"}, regions={1: (1, 2)})
    text = read(methods_section(replace(real_files.evaluation, settings=settings), None)).text
    assert "1 = whole (of 1, 2), 2 = core" in text
