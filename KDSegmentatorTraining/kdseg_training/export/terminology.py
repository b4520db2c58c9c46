"""Labels for a student that comes without a ``labels.csv``: common anatomy by name, else a neutral code."""

from __future__ import annotations

import colorsys
import re
from typing import Dict, List, Mapping, Optional, Tuple

from kdseg.bundle.labels import painted_labels
from kdseg.plans.model import LabelSystem
from kdseg.segmentation import Code, LabelEntry

ANATOMICAL_STRUCTURE = Code("SCT", "123037004", "Anatomical Structure")
TISSUE = Code("SCT", "85756007", "Tissue")
LEFT = Code("SCT", "7771000", "Left")
RIGHT = Code("SCT", "24028007", "Right")

_SIDES: Mapping[str, Code] = {"left": LEFT, "l": LEFT, "lh": LEFT, "right": RIGHT, "r": RIGHT, "rh": RIGHT}

ANATOMY: Mapping[str, str] = {
    "adrenal gland": "23451007",
    "amygdala": "4958002",
    "aorta": "15825003",
    "brain": "12738006",
    "brain stem": "119238007",
    "bronchus": "955009",
    "caudate nucleus": "11000004",
    "cerebellum": "113305005",
    "cerebral cortex": "40146001",
    "cerebral white matter": "68523003",
    "clavicle": "51299004",
    "colon": "71854001",
    "corpus callosum": "88442005",
    "duodenum": "38848004",
    "esophagus": "32849002",
    "eye": "81745001",
    "femur": "71341001",
    "fourth ventricle": "35918002",
    "gallbladder": "28231008",
    "globus pallidus": "14738005",
    "heart": "80891009",
    "hippocampus": "5366008",
    "humerus": "85050009",
    "inferior vena cava": "64131007",
    "kidney": "64033007",
    "larynx": "4596009",
    "lateral ventricle": "66720007",
    "liver": "10200004",
    "lung": "39607008",
    "mandible": "91609006",
    "nucleus accumbens": "427667007",
    "optic chiasm": "244453006",
    "ovary": "15497006",
    "pancreas": "15776009",
    "parotid gland": "45289007",
    "pituitary": "56329008",
    "portal vein": "32764006",
    "prostate": "41216001",
    "pulmonary artery": "81040000",
    "putamen": "89278009",
    "rectum": "34402009",
    "rib": "113197003",
    "sacrum": "54735007",
    "scapula": "79601000",
    "skull": "89546000",
    "small intestine": "30315005",
    "spinal cord": "2748008",
    "spleen": "78961009",
    "sternum": "56873002",
    "stomach": "69695003",
    "submandibular gland": "54019009",
    "thalamus": "42695009",
    "third ventricle": "49841001",
    "tongue": "21974007",
    "trachea": "44567001",
    "uterus": "35039007",
    "vertebra": "51282000",
}
"""Name of a structure → SNOMED CT code, as DICOM's context groups list it."""

_GOLDEN_RATIO = 0.618033988749895


def neutral_entries(labels: LabelSystem) -> Tuple[LabelEntry, ...]:
    """Return one entry for each label: named as in ``dataset.json``, with a code and a colour that nobody chose.

    A structure that is in :data:`ANATOMY` gets its code, and a side as modifier; any other is SCT 85756007 "Tissue".
    """
    names = _names(labels)
    return tuple(_entry(value, names[value], index) for index, value in enumerate(painted_labels(labels)))


def unrecognised(entries: Tuple[LabelEntry, ...]) -> List[str]:
    """Return the names that got the neutral code."""
    return [entry.name for entry in entries if entry.type == TISSUE]


def _names(labels: LabelSystem) -> Dict[int, str]:
    if labels.region_order is None:
        return {values[0]: _clean(name) for name, values in labels.names}
    names: Dict[int, str] = {}
    for (name, _), value in zip(labels.names, labels.region_order, strict=True):
        names[value] = f"{names[value]} / {_clean(name)}" if value in names else _clean(name)
    return names


def _clean(name: str) -> str:
    printable = "".join(c for c in name if c.isprintable() and c != '"').strip()
    return printable or "unnamed"


def _entry(value: int, name: str, index: int) -> LabelEntry:
    side, anatomy = _anatomy(name)
    return LabelEntry(value, name, _color(index), ANATOMICAL_STRUCTURE, anatomy or TISSUE, side if anatomy else None)


def side_in_name(name: str) -> Optional[Code]:
    """Return the side that a name tells, as in *Left kidney* or *kidney_r*; None if it tells none or several."""
    sides = {_SIDES[word].value: _SIDES[word] for word in _words(name) if word in _SIDES}
    return next(iter(sides.values())) if len(sides) == 1 else None


def _words(name: str) -> List[str]:
    return [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]


def _anatomy(name: str) -> Tuple[Optional[Code], Optional[Code]]:
    words = _words(name)
    sides = [w for w in words if w in _SIDES]
    rest = " ".join(w for w in words if w not in _SIDES)
    for candidate in (rest, rest[:-1] if rest.endswith("s") else rest):
        if candidate in ANATOMY:
            meaning = candidate[0].upper() + candidate[1:]
            return (_SIDES[sides[0]] if len(sides) == 1 else None), Code("SCT", ANATOMY[candidate], meaning)
    return None, None


def _color(index: int) -> Tuple[int, int, int]:
    """Return a colour far from those of the neighbouring indices: hues by the golden ratio, three levels of brightness."""
    hue = (0.08 + index * _GOLDEN_RATIO) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.65, (0.95, 0.8, 0.65)[index % 3])
    return round(255 * red), round(255 * green), round(255 * blue)
