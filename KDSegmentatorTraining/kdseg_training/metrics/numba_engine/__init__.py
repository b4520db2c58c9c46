"""The compiled engine: one pass over both label maps, no distance transform. Needs the extra ``fast`` (numba)."""
