"""How many files an agent may have open: seven for each container, and connections."""

from __future__ import annotations

import sys

_WANTED = 65_536


def allow_open_files() -> int:
    """Raise this process' limit as far as the system allows; returns what it is now.

    A login often allows 1,024, which would end the samples of a host at 140 containers. Returns 0
    where there is no such limit.
    """
    if sys.platform == "win32":
        return 0
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _WANTED
    wanted = _WANTED if hard == resource.RLIM_INFINITY else min(_WANTED, hard)
    if wanted > soft:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            return soft
    return max(soft, wanted)
