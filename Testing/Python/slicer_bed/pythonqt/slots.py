"""What happens when Qt calls Python: the number of arguments is PythonQt's, and an error is remembered for the test."""

from __future__ import annotations

import sys
import traceback
import types
from collections.abc import Callable

_errors: list[BaseException] = []


def take_errors() -> list[BaseException]:
    """Return the errors that were raised inside slots since the last call, and forget them."""
    taken = list(_errors)
    _errors.clear()
    return taken


def remember(error: BaseException) -> None:
    """Remember an error that the event loop would swallow; PythonQt, too, prints it and goes on."""
    _errors.append(error)
    traceback.print_exception(error, file=sys.stderr)


def accepted_arguments(function: Callable) -> int | None:
    """Return how many arguments PythonQt hands over: all positional ones, also those with a default; None means every one."""
    bound = isinstance(function, types.MethodType)
    plain = function.__func__ if bound else function
    if not isinstance(plain, types.FunctionType):
        return None
    code = plain.__code__
    if code.co_flags & 0x04:  # it takes *args
        return None
    return code.co_argcount - bound


def required_arguments(function: Callable) -> int:
    """Return how many positional arguments a function cannot do without; 0 where that is not known."""
    plain = function.__func__ if isinstance(function, types.MethodType) else function
    if not isinstance(plain, types.FunctionType):
        return 0
    return plain.__code__.co_argcount - len(plain.__defaults__ or ()) - isinstance(function, types.MethodType)


def guarded(function: Callable, count: int = 0) -> Callable[..., None]:
    """Return a slot for a signal that calls the function with as many arguments as it takes, and remembers what it raises.

    Parameters
    ----------
    function
        What was connected.
    count
        How many arguments the signal brings. The slot takes just as many: PySide6 chooses the signal's overload by that.
    """
    takes = accepted_arguments(function)
    limit = count if takes is None else min(takes, count)

    def call(*arguments: object) -> None:
        try:
            function(*arguments[:limit])
        except Exception as error:  # noqa: BLE001 - the event loop must go on
            remember(error)

    # PySide6 counts the parameters of the function it gets, so each slot must have just so many.
    slots = (
        lambda: call(),  # noqa: PLW0108
        lambda a: call(a),  # noqa: PLW0108
        lambda a, b: call(a, b),  # noqa: PLW0108
        lambda a, b, c: call(a, b, c),  # noqa: PLW0108
        lambda a, b, c, d: call(a, b, c, d),  # noqa: PLW0108
    )
    return slots[count]
