"""The command line's program of the bundle."""

import sys

from slate_desktop.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
