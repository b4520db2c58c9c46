"""Run the command line with ``python -m kdseg``."""

import sys

from kdseg.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
