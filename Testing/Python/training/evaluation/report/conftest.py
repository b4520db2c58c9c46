"""What the tests of the report share: a reader of HTML, and an evaluation of real files with errors of known kinds."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from kdseg.geometry import Geometry
from kdseg.io import write_label_map
from kdseg.segmentation import Segmentation
from kdseg_training.evaluation import Evaluation, EvaluationSettings, ModelResult, match_cases, measure_pair

VOID = {"br", "hr", "img", "meta", "col"}
HOSTILE = '</td><script>alert("1")</script> & $x_1$ \u202edrowssap\x07 海馬'
"""A name that would break out of HTML, start a formula in a chart, or turn the direction of writing."""


@dataclass
class Element:
    tag: str
    attributes: dict
    children: list = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    def find(self, tag: str, **attributes) -> list:
        found = []
        for child in self.children:
            if isinstance(child, Element):
                if child.tag == tag and all(child.attributes.get(key) == value for key, value in attributes.items()):
                    found.append(child)
                found += child.find(tag, **attributes)
        return found

    def rows(self) -> list:
        """The rows of a table; a cell that spans several rows is in each of them."""
        rows, pending = [], {}
        for row in self.find("tr"):
            cells = []
            own = iter([child for child in row.children if isinstance(child, Element)])
            place = 0
            while True:
                if place in pending and pending[place][1] > 0:
                    text, left = pending[place]
                    pending[place] = (text, left - 1)
                    cells.append(text)
                else:
                    cell = next(own, None)
                    if cell is None:
                        break
                    pending[place] = (cell.text, int(cell.attributes.get("rowspan", 1)) - 1)
                    cells.append(cell.text)
                place += 1
            rows.append(cells)
        return rows


class Reader(HTMLParser):
    """Reads HTML into a tree and refuses tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self._open = [self.root]
        self.feed(text)
        self.close()
        assert self._open == [self.root], f"not closed: {[element.tag for element in self._open[1:]]}"

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), f"an attribute of {tag} stands twice"
        element = Element(tag, dict(attrs))
        self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag):
        assert self._open.pop().tag == tag

    def handle_data(self, data):
        self._open[-1].children.append(data)


def read(text: str) -> Element:
    """Read HTML into a tree."""
    return Reader(text).root


def picture_bytes(image: Element) -> bytes:
    """The bytes that an ``img`` carries."""
    return base64.b64decode(image.attributes["src"].partition(";base64,")[2])


@dataclass(frozen=True)
class Files:
    """Where the files of an evaluation lie."""

    folder: Path
    evaluation: Evaluation


def ball(shape, centre, radius) -> np.ndarray:
    grid = np.indices(shape)
    return ((grid - np.reshape(centre, (3, 1, 1, 1))) ** 2).sum(axis=0) <= radius**2


def measured(name: str, folder: Path, reference: Path, settings: EvaluationSettings) -> ModelResult:
    pairs = match_cases(folder, reference).pairs
    return ModelResult(name, str(folder), tuple(measure_pair(pair, settings) for pair in pairs), pairs=pairs)


@pytest.fixture(scope="session")
def real_files(tmp_path_factory) -> Files:
    """Eight cases with two balls; a model that is a voxel off, and one that misses, invents and strays."""
    tmp_path = tmp_path_factory.mktemp("evaluation")
    shape, grid = (12, 16, 20), Geometry((12, 16, 20), (1.0, 1.0, 2.0), (5.0, 6.0, 7.0))
    for number in range(8):
        labels = np.zeros(shape, np.uint8)
        labels[ball(shape, (5, 7, 6), 3)] = 1
        labels[ball(shape, (6, 8, 14), 2 + number % 2)] = 2
        near = np.roll(labels, 1, axis=1)
        far = labels.copy()
        if number == 2:
            far[far == 2] = 0
        if number == 3:
            far[0, 0, 0] = 3
        if number == 4:
            far[11, 15, 19] = 1
        for name, content in (("reference", labels), ("near", near), ("far", far)):
            (tmp_path / name).mkdir(exist_ok=True)
            write_label_map(Segmentation(content, grid, ()), tmp_path / name / f"case{number}.nii.gz")
    settings = EvaluationSettings({1: "left", 2: "right", 3: "never there"}, (1.0,))
    models = tuple(measured(name, tmp_path / name, tmp_path / "reference", settings) for name in ("near", "far"))
    environment = {"command": "kdseg-training evaluate near reference --compare far=far", "workers": 1}
    return Files(tmp_path, Evaluation(settings, str(tmp_path / "reference"), models, environment))
