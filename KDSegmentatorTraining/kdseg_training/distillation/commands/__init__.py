"""Commands of ``kdseg-training`` that distil."""
