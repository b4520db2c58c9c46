"""NumPy arrays as members of a canonical zip: a ``.npz`` that any NumPy reads, written and read without surprises."""

from __future__ import annotations

import io
import math
from typing import Any, Dict, Mapping

import numpy as np
import numpy.typing as npt

from kdseg.bundle.archive import pack, unpack
from kdseg.errors import BundleIntegrityError


def write_npz(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Return a deterministic ``.npz``: stored members, no times."""
    return pack({f"{name}.npy": _write_npy(array) for name, array in arrays.items()})


def read_npz(content: bytes, dtypes: Mapping[str, str], limit_bytes: int, source: str) -> Dict[str, npt.NDArray[Any]]:
    """Read the arrays of a ``.npz`` that :func:`write_npz` wrote.

    Parameters
    ----------
    content
        The file.
    dtypes
        Name → dtype string with byte order (``<f4``); exactly these arrays must be there.
    limit_bytes
        Largest size of one array's file, in bytes.
    source
        Named in errors.

    Raises
    ------
    BundleIntegrityError
        If the container or an array's header is damaged, or a dtype is another one. Nothing is ever unpickled.
    """
    members = unpack(content, {f"{name}.npy": limit_bytes for name in dtypes}, source)
    return {name: _read_npy(members[f"{name}.npy"], dtype, f"{source}:{name}.npy") for name, dtype in dtypes.items()}


def _write_npy(array: npt.NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return file.getvalue()


def _read_npy(content: bytes, dtype: str, source: str) -> npt.NDArray[Any]:
    file = io.BytesIO(content)
    try:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError("another version of the format")
        shape, fortran_order, found = np.lib.format.read_array_header_1_0(file)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise _error(str(error), source) from error
    if found.hasobject or found.str != dtype or fortran_order:
        raise _error(f"dtype {found.str}, Fortran order {fortran_order}, instead of {dtype} in C order", source)
    body = content[file.tell() :]
    if any(n < 0 for n in shape) or math.prod(shape) * found.itemsize != len(body):
        raise _error(f"shape {shape} and {len(body)} bytes", source)
    return np.frombuffer(body, dtype=found).reshape(shape)


def _error(found: str, source: str) -> BundleIntegrityError:
    return BundleIntegrityError(
        "An array of the self-test is damaged.", expected="a plain NumPy array", found=found[:200], path=source
    )
