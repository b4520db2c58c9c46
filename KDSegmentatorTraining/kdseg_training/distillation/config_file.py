"""Read a YAML file into a pydantic model, and say in words what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Hashable, List, Tuple, Type, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from kdseg.errors import ConfigurationError
from kdseg_training.distillation.config_words import expected_words, key_of

GUIDE = "docs/training.md"
"""Where keys are explained, unless the model names another file as its ``GUIDE``."""

LARGEST_FILE_BYTES = 1024**2
"""No settings file is larger."""

_QUOTE = "'"

Model = TypeVar("Model", bound=BaseModel)


class _NoDuplicates(yaml.SafeLoader):
    """YAML's safe loader, which otherwise keeps the last of two equal keys without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_settings(path: Path, model: Type[Model]) -> Model:
    """Read ``path`` as plain YAML and check it against ``model``.

    Raises
    ------
    ConfigurationError
        If the file is missing, too large, not YAML, or a key is missing, unknown or not allowed; all such keys are named.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigurationError("The settings cannot be read.", found=error.strerror or str(error), path=path) from error
    if len(content) > LARGEST_FILE_BYTES:
        raise ConfigurationError("The settings file is too large.", expected=f"at most {LARGEST_FILE_BYTES} bytes", path=path)
    try:
        values = yaml.load(content, Loader=_NoDuplicates)  # noqa: S506 (derived from the safe loader)
    except (yaml.YAMLError, UnicodeDecodeError, TypeError, ValueError, RecursionError) as error:
        found = " ".join(str(error).split())[:300]
        raise ConfigurationError("The settings are not YAML.", expected="plain YAML", found=found, path=path) from error
    if not isinstance(values, dict):
        raise ConfigurationError("The settings have no keys.", expected="key: value lines", found=repr(values)[:80], path=path)
    return check_settings(values, model, path)


def check_settings(values: dict[Any, Any], model: Type[Model], path: Path) -> Model:
    """Check plain values against ``model``; ``path`` is named in the error.

    Raises
    ------
    ConfigurationError
        Naming every key that is missing, unknown or not allowed.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        guide: str = getattr(model, "GUIDE", GUIDE)
        raise _configuration_error(error, path, guide) from error


def _configuration_error(error: ValidationError, path: Path, guide: str) -> ConfigurationError:
    expected: Dict[str, List[str]] = {}
    found: Dict[str, str] = {}
    together: List[str] = []
    for detail in error.errors(include_url=False):
        key, words, value = _told(detail)
        if not key:  # keys that do not go together
            together.append(words)
            continue
        expected.setdefault(key, []).append(words)
        found.setdefault(key, value)
    named = f": {', '.join(found)}" if found else ""
    return ConfigurationError(
        f"The settings are not valid{named}.",
        expected="; ".join(f"{key}: {' or '.join(dict.fromkeys(words))}" for key, words in expected.items()),
        found="; ".join([*together, *(f"{key}: {value}" for key, value in found.items())]),
        path=path,
        remedy=f"Correct the file; {guide} lists all keys.",
    )


def _told(detail: ErrorDetails) -> Tuple[str, str, str]:
    """Return the key, what it must hold, and what it holds."""
    key = key_of(detail)
    if detail["type"] == "missing":
        return key, "a value", "nothing"
    if detail["type"] == "extra_forbidden":
        return key, "no such key", _short(detail["input"])
    if detail["type"] == "union_tag_not_found":
        return f"{key}.{detail['ctx']['discriminator'].strip(_QUOTE)}", "a value", "nothing"
    if detail["type"] == "union_tag_invalid":
        choice = detail["ctx"]["discriminator"].strip(_QUOTE)
        return f"{key}.{choice}", f"one of {detail['ctx']['expected_tags']}", repr(detail["ctx"]["tag"])
    return key, expected_words(detail), _short(detail["input"])


def _short(value: Any) -> str:
    return repr(value)[:80]
