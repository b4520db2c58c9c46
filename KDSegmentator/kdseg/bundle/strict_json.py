"""JSON without its loopholes: no duplicate keys, no NaN or infinity, no lone surrogates, no bottomless nesting."""

from __future__ import annotations

import json
import math
from typing import Any, Dict, List, Tuple

from kdseg.errors import BundleSchemaError


def parse_json_object(data: bytes, source: str) -> Dict[str, Any]:
    """Parse UTF-8 JSON whose top level is an object.

    Parameters
    ----------
    data
        The content of the file.
    source
        Named in errors.

    Raises
    ------
    BundleSchemaError
        If the text is not UTF-8 or not JSON, a key is there twice, a number is not finite, or the top level is no object.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        found = str(error) or type(error).__name__
        raise BundleSchemaError(
            "The file is not strict JSON.", expected="UTF-8 JSON", found=found[:200], path=source
        ) from error
    if not isinstance(value, dict):
        raise BundleSchemaError("The file holds no JSON object.", expected="{…}", found=type(value).__name__, path=source)
    return value


def dump_json(value: Any) -> bytes:
    """Return readable, deterministic UTF-8 JSON: keys in the order given, two spaces, a final newline."""
    return (json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode("utf-8")


def _unique_keys(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise ValueError(f"a key is there twice: {', '.join(twice)}")
    return result


def _refuse_constant(text: str) -> float:
    raise ValueError(f"the number {text}")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text} is too large")
    return value
