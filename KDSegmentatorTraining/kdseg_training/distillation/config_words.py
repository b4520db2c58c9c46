"""What a key of a settings file must hold, in words."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, Mapping

from pydantic import AfterValidator
from pydantic_core import ErrorDetails, PydanticCustomError

from kdseg.wording import counted

_NUMBER = "a number"
_WHOLE = "a whole number"
_SWITCH = "true or false"
_KEYS = "keys with values"


def _bound(number: float) -> str:
    return f"{number:g}" if isinstance(number, float) else str(number)


_WORDS: Dict[str, Callable[[Mapping[str, Any]], str]] = {
    "greater_than": lambda ctx: f"more than {_bound(ctx['gt'])}",
    "greater_than_equal": lambda ctx: f"at least {_bound(ctx['ge'])}",
    "less_than": lambda ctx: f"less than {_bound(ctx['lt'])}",
    "less_than_equal": lambda ctx: f"at most {_bound(ctx['le'])}",
    "finite_number": lambda ctx: "a finite number",
    "too_short": lambda ctx: f"at least {counted(ctx['min_length'], 'value')}",
    "too_long": lambda ctx: f"at most {counted(ctx['max_length'], 'value')}",
    "string_too_short": lambda ctx: f"at least {counted(ctx['min_length'], 'character')}",
    "string_too_long": lambda ctx: f"at most {counted(ctx['max_length'], 'character')}",
    "literal_error": lambda ctx: f"one of {ctx['expected']}",
    "enum": lambda ctx: f"one of {ctx['expected']}",
    **dict.fromkeys(("float_type", "float_parsing"), lambda ctx: _NUMBER),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), lambda ctx: _WHOLE),
    **dict.fromkeys(("bool_type", "bool_parsing"), lambda ctx: _SWITCH),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), lambda ctx: _KEYS),
    **dict.fromkeys(("list_type", "tuple_type"), lambda ctx: "a list"),
    "string_type": lambda ctx: "text",
    "path_type": lambda ctx: "a path",
}
"""By pydantic's type of error; other types keep pydantic's own sentence."""


_CHOICES = re.compile(r"(constrained-)?(int|float|str|bool|path)|[a-z-]+\[.*\]|\[key\]")
"""How pydantic names the alternatives of a key, and a key itself, in the place of an error."""


def key_of(detail: ErrorDetails) -> str:
    """Return the key of a validation error as it stands in the file, such as ``students.0.name``."""
    return ".".join(str(part) for part in detail["loc"] if _CHOICES.fullmatch(str(part)) is None)


def expected_words(detail: ErrorDetails) -> str:
    """Say what the key of a validation error must hold, such as ``at least 1`` or ``true or false``."""
    worded = _WORDS.get(detail["type"])
    return worded(detail.get("ctx", {})) if worded else detail["msg"].removeprefix("Value error, ")


def like(pattern: str, words: str) -> AfterValidator:
    """Return a check that the whole text matches ``pattern``; ``words`` say in an error what that means."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if compiled.fullmatch(text) is None:
            raise PydanticCustomError("like", "{words}", {"words": words})
        return text

    return AfterValidator(check)
