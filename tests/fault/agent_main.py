"""An agent process for tests that kill it: options as JSON in the first argument."""

from __future__ import annotations

import json
import logging
import sys

import msgspec

from slate_desktop.agent.options import AgentOptions
from slate_desktop.agent.service import run_agent


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    return run_agent(msgspec.convert(json.loads(sys.argv[1]), AgentOptions, dec_hook=_decode))


def _decode(kind: type, value: object) -> object:
    return kind(value)


if __name__ == "__main__":
    sys.exit(main())
