"""Hooks around nnU-Net's functions that tell when a stage of its prediction begins."""

from __future__ import annotations

import functools
from typing import Any, Callable, List, Set

from kdseg.progress import Stage
from kdseg_training.profiling.stage_watch import StageWatch
from kdseg_training.profiling.worker_loop import Tell

_hooked: Set[str] = set()


class Hooks:
    """Sets the hooks once for the process, and points them at the run that is going on.

    Attributes
    ----------
    patches
        Patches of the last volume.
    """

    def __init__(self) -> None:
        self.patches = 0
        self._watch = StageWatch()
        self._tell: Tell = lambda _stage, _fraction: None
        self._passed = 0

    def begin(self, watch: StageWatch, tell: Tell) -> None:
        """Tell a new run from now on."""
        self._watch, self._tell, self._passed, self.patches = watch, tell, 0, 0

    def hook(self, owner: Any, name: str, stage: Stage, *, leave: bool = False) -> None:
        """Begin ``stage`` whenever a function of a class or module is called; with ``leave`` it ends with the function."""
        key = f"{getattr(owner, '__module__', '')}.{getattr(owner, '__name__', owner)}.{name}"
        if key in _hooked:
            return
        _hooked.add(key)
        original: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(original)
        def hooked(*arguments: Any, **named: Any) -> Any:
            self._watch.enter(stage.value)
            self._tell(stage, 0.0)
            try:
                return original(*arguments, **named)
            finally:
                if leave:
                    self._watch.leave()

        setattr(owner, name, hooked)

    def count_patches(self, predictor: Any) -> None:
        """Count patches of one predictor, and tell how many are done."""
        slicers, predict = predictor._internal_get_sliding_window_slicers, predictor._internal_maybe_mirror_and_predict

        def counted(*arguments: Any) -> List[Any]:
            found: List[Any] = slicers(*arguments)
            self.patches += len(found)
            return found

        def told(*arguments: Any) -> Any:
            result = predict(*arguments)
            self._passed += 1
            self._tell(Stage.NETWORK, self._passed / max(1, self.patches))
            return result

        predictor._internal_get_sliding_window_slicers = counted
        predictor._internal_maybe_mirror_and_predict = told
