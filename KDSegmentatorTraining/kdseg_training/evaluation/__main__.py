"""``python -m kdseg_training.evaluation REQUEST.json``: the child process of Slicer's panel."""

from __future__ import annotations

import sys

from kdseg_training.evaluation.child import main

if __name__ == "__main__":
    main(sys.argv[1:])
