"""What may stand beside a parameter's type."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Annotated, get_args


def split(annotated: object) -> tuple[object, tuple]:
    """Return a type and what it is annotated with."""
    kind, *annotations = get_args(Annotated[annotated, None])
    return kind, tuple(annotations[:-1])


def first(annotations: tuple, kind: type) -> object | None:
    """Return the first annotation of a kind."""
    return next((item for item in annotations if isinstance(item, kind)), None)


class Default:
    """The value of a parameter that was not set yet."""

    def __init__(self, value: object = None, *, generator=None) -> None:
        self._value, self._generator = value, generator

    @property
    def value(self) -> object:
        return self._generator() if self._generator else self._value


@dataclass
class Decimals:
    """Digits after the point in a spin box."""

    value: int


@dataclass
class SingleStep:
    """Step of a spin box."""

    value: float


class Validator(abc.ABC):
    """Refuses values with ValueError or TypeError."""

    @abc.abstractmethod
    def validate(self, value: object) -> None: ...


class NotNone(Validator):
    """Refuses None."""

    def validate(self, value: object) -> None:
        if value is None:
            raise ValueError("Value must not be None")


@dataclass
class IsInstance(Validator):
    """Refuses other types; None passes."""

    classtype: object

    def validate(self, value: object) -> None:
        if value is not None and not isinstance(value, self.classtype):
            raise TypeError(f"Value must be of type {self.classtype}, is {value!r}")


@dataclass
class WithinRange(Validator):
    """Both ends belong to the range."""

    minimum: float
    maximum: float

    def validate(self, value: float) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within range [{self.minimum}, {self.maximum}], is {value}")


@dataclass
class Minimum(Validator):
    """The smallest value."""

    minimum: float

    def validate(self, value: float) -> None:
        if value < self.minimum:
            raise ValueError(f"Value must not be less than {self.minimum}, is {value}")


@dataclass
class Maximum(Validator):
    """The greatest value."""

    maximum: float

    def validate(self, value: float) -> None:
        if value > self.maximum:
            raise ValueError(f"Value must not be greater than {self.maximum}, is {value}")


@dataclass
class Choice(Validator):
    """The values that are allowed."""

    choices: list

    def validate(self, value: object) -> None:
        if value not in self.choices:
            raise ValueError(f"Value must be one of {self.choices}, is {value!r}")


@dataclass
class Exclude(Validator):
    """The values that are not allowed."""

    excludedValues: list

    def validate(self, value: object) -> None:
        if value in self.excludedValues:
            raise ValueError(f"Value must not be one of {self.excludedValues}, is {value!r}")
