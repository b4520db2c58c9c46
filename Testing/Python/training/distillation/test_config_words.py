"""Every refusal of a settings file says what the key must hold, without words of the library that found it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, List, Literal, Tuple

import pytest
from pydantic import BaseModel, Field, ValidationError

from kdseg_training.distillation.config_words import expected_words, like


class Inner(BaseModel):
    number: float = 0


class Everything(BaseModel):
    more: float = Field(default=1, gt=0.5)
    least: int = Field(default=1, ge=1)
    less: float = Field(default=1, lt=2)
    most: int = Field(default=1, le=1000)
    finite: Annotated[float, Field(allow_inf_nan=False)] = 0
    switch: bool = True
    text: str = Field(default="abc", min_length=2, max_length=4)
    several: List[int] = Field(default=[1], min_length=1, max_length=2)
    pair: Tuple[int, ...] = ()
    choice: Literal["fp32", "bf16"] = "fp32"
    path: Path = Path()
    inner: Inner = Inner()
    name: Annotated[str, like(r"[a-z]+", "small letters")] = "a"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("more", 0.5, "more than 0.5"),
        ("least", 0, "at least 1"),
        ("less", 2, "less than 2"),
        ("most", 1001, "at most 1000"),
        ("finite", float("nan"), "a finite number"),
        ("finite", [], "a number"),
        ("finite", "many", "a number"),
        ("least", None, "a whole number"),
        ("least", "many", "a whole number"),
        ("least", 1.5, "a whole number"),
        ("switch", "perhaps", "true or false"),
        ("switch", [], "true or false"),
        ("text", 1, "text"),
        ("text", "a", "at least 2 characters"),
        ("text", "abcde", "at most 4 characters"),
        ("several", [], "at least 1 value"),
        ("several", [1, 2, 3], "at most 2 values"),
        ("several", 1, "a list"),
        ("pair", 1, "a list"),
        ("choice", "int8", "one of 'fp32' or 'bf16'"),
        ("path", 1, "a path"),
        ("inner", 1, "keys with values"),
        ("name", "A", "small letters"),
        ("name", "a\n", "small letters"),
    ],
)
def test_it_says_what_a_key_must_hold(key: str, value: object, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Everything.model_validate({key: value})
    assert [expected_words(detail) for detail in caught.value.errors()] == [words]


def test_other_refusals_keep_their_sentence() -> None:
    with pytest.raises(ValidationError) as caught:
        TypeWithRule.model_validate({"even": 3})
    assert [expected_words(detail) for detail in caught.value.errors()] == ["Input should be a multiple of 2"]


class TypeWithRule(BaseModel):
    even: int = Field(multiple_of=2)
