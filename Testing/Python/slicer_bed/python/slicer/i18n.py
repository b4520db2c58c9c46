"""Stand-in for ``slicer.i18n``: translations are looked up in Qt under the context that Slicer would use."""

from __future__ import annotations

import inspect
from pathlib import Path


def translate(context: str, text: str) -> str:
    """Return the translation of a text in a context."""
    from slicer import app

    return app.translate(context, text)


def getContext(source_file: str) -> str:
    """Return the context of a source file: its name, after its package's name if it is in one."""
    path = Path(source_file)
    return f"{path.parent.name}.{path.stem}" if (path.parent / "__init__.py").is_file() else path.stem


def tr(text: str) -> str:
    """Return the translation of a text, in the context of the file that asks."""
    if not isinstance(text, str):
        raise TypeError(f"A text to translate must be a str, got {type(text).__name__}")
    return translate(getContext(inspect.currentframe().f_back.f_code.co_filename), text)
