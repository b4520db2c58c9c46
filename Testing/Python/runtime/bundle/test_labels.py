"""``labels.csv``: read, written, and refused row by row."""

from __future__ import annotations

import pytest

from kdseg.bundle.labels import COLUMNS, check_labels, format_labels_csv, painted_labels, parse_labels_csv
from kdseg.errors import BundleSchemaError
from kdseg.plans.model import LabelSystem
from kdseg.segmentation import Code, LabelEntry

HEADER = ",".join(COLUMNS[:12])
STRUCTURE = "SCT,123037004,Anatomical Structure"
LIVER = f"1,Liver,221,130,101,255,{STRUCTURE},SCT,10200004,Liver"
SPLEEN = f"2,Spleen,157,108,162,255,{STRUCTURE},SCT,78961009,Spleen"


def table(*rows: str) -> bytes:
    return "\n".join(rows).encode() + b"\n"


def test_rows_come_back_in_the_order_of_their_values() -> None:
    entries = parse_labels_csv(table(HEADER, SPLEEN, LIVER), "x")
    category = Code("SCT", "123037004", "Anatomical Structure")
    assert entries == (
        LabelEntry(1, "Liver", (221, 130, 101), category, Code("SCT", "10200004", "Liver")),
        LabelEntry(2, "Spleen", (157, 108, 162), category, Code("SCT", "78961009", "Spleen")),
    )


def test_what_is_written_is_read() -> None:
    code = Code("SCT", "1", "One")
    entries = (
        LabelEntry(1, "Kidney, left", (1, 2, 3), code, code, Code("SCT", "7771000", "Left"), code, code),
        LabelEntry(300, "×", (0, 0, 255), code, code),
    )
    assert parse_labels_csv(format_labels_csv(entries), "x") == entries


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((), "columns"),
        ((HEADER,), "empty"),
        ((HEADER.replace("Name", "Title"), LIVER), "columns"),
        ((HEADER + ",Extra", LIVER + ",1"), "columns"),
        ((HEADER, LIVER, LIVER.replace("Liver,2", "Other,2")), "label value is there twice"),
        ((HEADER, LIVER, LIVER.replace("1,Liver", "2,Liver")), "name is there twice"),
        ((HEADER, LIVER + ",more"), "wrong length"),
        ((HEADER, LIVER.replace("1,Liver,", "0,Liver,")), "LabelValue"),
        ((HEADER, LIVER.replace("1,Liver,", "65536,Liver,")), "LabelValue"),
        ((HEADER, LIVER.replace("1,Liver,", "1.0,Liver,")), "LabelValue"),
        ((HEADER, LIVER.replace("1,Liver,", "²,Liver,")), "LabelValue"),
        ((HEADER, LIVER.replace(",221,", ",256,")), "Color_R"),
        ((HEADER, LIVER.replace(",221,", ",-1,")), "Color_R"),
        ((HEADER, LIVER.replace("1,Liver,", "1,,")), "no name"),
        ((HEADER, LIVER.replace(",10200004", ",")), "Type of row 2 is incomplete"),
        ((HEADER, LIVER.replace("SCT,10200004,Liver", ",,")), "Type of row 2 is missing"),
        ((HEADER, LIVER.replace("1,Liver", '1,"Li""ver"')), "cannot read"),
        ((HEADER, LIVER.replace("1,Liver", '1,"Liver')), "not a UTF-8 CSV"),
    ],
)
def test_a_bad_table_is_refused(rows: tuple, message: str) -> None:
    with pytest.raises(BundleSchemaError, match=message):
        parse_labels_csv(table(*rows), "labels.csv")


def test_every_label_is_there_exactly_once() -> None:
    entries = parse_labels_csv(table(HEADER, LIVER, SPLEEN), "x")
    check_labels(entries, LabelSystem((("a", (1,)), ("b", (2,))), heads=3), "x")
    for names in ((("a", (1,)),), (("a", (1,)), ("b", (2,)), ("c", (3,)))):
        with pytest.raises(BundleSchemaError, match="same labels"):
            check_labels(entries, LabelSystem(names, heads=len(names) + 1), "x")


def test_regions_are_named_by_what_they_paint() -> None:
    labels = LabelSystem((("whole", (1, 2, 3)), ("core", (2, 3))), heads=2, region_order=(1, 3))
    assert painted_labels(labels) == (1, 3)
