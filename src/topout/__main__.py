"""`python -m topout`."""

import sys

from topout.cli import main

if __name__ == "__main__":
    sys.exit(main())
