"""How the kernels are compiled, and the two processor instructions that NumPy has no name for."""

from __future__ import annotations

from typing import Any, Callable, Dict, Tuple, TypeVar, cast

import numba
from numba import types
from numba.extending import intrinsic

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

OPTIONS: Dict[str, Any] = {"nogil": True, "cache": True, "boundscheck": False, "error_model": "numpy"}
"""Kernels release the interpreter lock and are kept on disk; floating point stays strict, so results are those of NumPy."""


def compiled(kernel: Kernel) -> Kernel:
    """Compile a kernel at its first call."""
    return cast(Kernel, numba.njit(**OPTIONS)(kernel))


def compiled_for_vectors(kernel: Kernel) -> Kernel:
    """Compile a kernel that takes minima: without NaN and signed zeros the compiler may use vector instructions.

    Sums are neither reordered nor fused, so every squared distance keeps its bits.
    """
    return cast(Kernel, numba.njit(fastmath={"nnan", "nsz"}, **OPTIONS)(kernel))


def _count_zeros(instruction: str) -> Any:
    def typed(typing_context: Any, word: Any) -> Tuple[Any, Any]:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return getattr(builder, instruction)(arguments[0], context.get_constant(types.boolean, 0))

        return types.uint64(types.uint64), generate

    return intrinsic(typed)


trailing_zeros = _count_zeros("cttz")
"""Number of zero bits below the lowest set bit of a uint64; 64 for 0."""

leading_zeros = _count_zeros("ctlz")
"""Number of zero bits above the highest set bit of a uint64; 64 for 0."""
