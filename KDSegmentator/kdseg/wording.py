"""Numbers in sentences."""

from __future__ import annotations


def counted(number: int, word: str) -> str:
    """Return ``1 case``, ``2 cases`` or ``2,000 cases``; for words whose plural ends in a plain s."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
