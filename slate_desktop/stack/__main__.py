"""``python -m slate_desktop.stack``: the supervisor as a process of its own."""

from __future__ import annotations

import asyncio
import sys

from slate_desktop.errors import SlateError
from slate_desktop.stack import supervisor
from slate_desktop.stack.options import parse_options


def main() -> int:
    """Run until the stack ends."""
    try:
        return asyncio.run(supervisor.run(parse_options(sys.argv[1:])))
    except SlateError as exc:
        sys.stderr.write(f"{exc}\n")
        return supervisor.EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
