"""``python -m kdseg.worker REQUEST.json``."""

from __future__ import annotations

import sys

from kdseg.worker.main import main

if __name__ == "__main__":
    main(sys.argv[1:])
