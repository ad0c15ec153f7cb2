"""Places where a test can end the agent as if by ``kill -9``.

``SLATE_FAILPOINT`` names one of ``after_create``, ``after_start``, ``after_exit``, ``tree_staged``
and ``tree_moving``; the process ends there with code 9, without any clean-up. Without the variable
nothing happens.
"""

from __future__ import annotations

import os

ENV_NAME = "SLATE_FAILPOINT"


def hit(name: str) -> None:
    """End the process when the environment names this failpoint."""
    if os.environ.get(ENV_NAME) == name:
        os._exit(9)
