"""Where installations end up in a test: they are recorded, and the environment of the tests stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from subprocess import CalledProcessError


class Installer:
    """Takes the place of pip.

    Attributes
    ----------
    calls
        The arguments of each call, such as ``["install", "onnxruntime"]``.
    """

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self._action: Callable[[list[str]], None] | None = None

    def run(self, arguments: list[str]) -> None:
        """Record a call; AssertionError if the test did not say what it expects."""
        self.calls.append(list(arguments))
        if self._action is None:
            raise AssertionError(f"pip was called and the test did not expect it: {' '.join(arguments)}")
        self._action(arguments)

    def succeed(self, action: Callable[[list[str]], None] = lambda arguments: None) -> None:
        """Let pip succeed, doing something of the test's in its place."""
        self._action = action

    def fail(self, code: int = 1, output: str = "no matching distribution") -> None:
        """Let pip fail."""

        def fail(arguments: list[str]) -> None:
            raise CalledProcessError(code, ["PythonSlicer", "-m", "pip", *arguments], output=output)

        self._action = fail

    def forget(self) -> None:
        """Return to the first state."""
        self.calls.clear()
        self._action = None


installer = Installer()


def divert() -> None:
    """Let ``slicer.util`` hand over what it would start as ``python -m pip``; other modules it starts as it does."""
    import slicer.util

    start = slicer.util.executePythonModule

    def execute(module: str, args: list[str], *more: object, **keywords: object) -> None:
        if module == "pip":
            installer.run(args)
        else:
            start(module, args, *more, **keywords)

    slicer.util.executePythonModule = slicer.util._executePythonModule = execute
