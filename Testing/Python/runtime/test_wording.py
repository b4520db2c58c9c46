from __future__ import annotations

import pytest

from kdseg.wording import counted


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 cases"), (1, "1 case"), (2, "2 cases"), (2000, "2,000 cases")],
    ids=["none", "one", "two", "thousands"],
)
def test_a_word_follows_its_number(number: int, text: str) -> None:
    assert counted(number, "case") == text
