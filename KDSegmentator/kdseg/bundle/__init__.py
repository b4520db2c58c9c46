"""The student bundle: one file, read as data only."""

from kdseg.bundle.card import card
from kdseg.bundle.reader import load_student
from kdseg.bundle.writer import with_document, write_bundle

__all__ = ["card", "load_student", "with_document", "write_bundle"]
