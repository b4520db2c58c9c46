"""HTML that escapes everything unless it was made here."""

from __future__ import annotations

import base64
import html
import re
from typing import Any, Optional, Sequence, Union

_VOID = {"br", "hr", "img", "meta", "col"}
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Markup(str):
    """Text that is HTML already; only the functions of this module make it from other text."""

    __slots__ = ()


Content = Union[str, None, Sequence[Any]]
"""Text, which is escaped unless it is :class:`Markup`; a sequence of contents; None for nothing."""


def plain(text: str) -> str:
    """Return any text, such as a file's name, without what is no text.

    Control characters and marks that turn the direction of writing around become a replacement character, as do bytes that are
    not UTF-8.
    """
    valid = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return _NOT_TEXT.sub("\ufffd", valid)


def escape(text: str) -> Markup:
    """Return any text as HTML that shows it, :func:`plain`."""
    return Markup(html.escape(plain(text), quote=True))


def join(*content: Content) -> Markup:
    """Return contents one after the other."""
    parts = []
    for part in content:
        if isinstance(part, str):
            parts.append(part if isinstance(part, Markup) else escape(part))
        elif part is not None:
            parts.append(join(*part))
    return Markup("".join(parts))


def tag(element: str, *content: Content, **attributes: Optional[str]) -> Markup:
    """Return an element; ``class_`` stands for ``class``, other underscores for hyphens; None leaves an attribute out."""
    names = ((name.rstrip("_").replace("_", "-"), value) for name, value in attributes.items() if value is not None)
    opening = "".join([f"<{element}", *(f' {name}="{escape(value)}"' for name, value in names), ">"])
    return Markup(opening if element in _VOID else f"{opening}{join(*content)}</{element}>")


def name(text: str) -> Markup:
    """Return a name from outside, whose direction of writing stays its own."""
    return tag("bdi", text)


def paragraph(*content: Content) -> Markup:
    """Return a paragraph."""
    return tag("p", *content)


def bullets(items: Sequence[Content]) -> Markup:
    """Return a list."""
    return tag("ul", [tag("li", item) for item in items])


def notice(*content: Content) -> Markup:
    """Return a remark that must not be overlooked."""
    return tag("div", *content, class_="notice", role="note")


def section(identifier: str, heading: str, *content: Content) -> Markup:
    """Return a section with a heading of the second level, which the page's contents link to."""
    title = tag("h2", heading, id=f"{identifier}-heading")
    return tag("section", title, *content, id=identifier, aria_labelledby=f"{identifier}-heading")


def picture(data: bytes, media_type: str, alternative: str, caption: Content = None) -> Markup:
    """Return a figure that carries its own bytes; ``alternative`` is for those who do not see it."""
    source = f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
    image = tag("img", src=source, alt=alternative)
    return tag("figure", image, tag("figcaption", caption) if caption is not None else None)
