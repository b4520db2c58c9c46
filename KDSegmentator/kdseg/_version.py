"""The version of the project, kept in one place."""

__version__ = "0.1.0"
