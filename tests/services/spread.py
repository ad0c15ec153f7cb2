"""Spreads files of tests over processes so that all of them end at about the same time.

pytest-xdist begins with files of many tests. Those with few long ones came last, one process had
two of them still to do, and the others had nothing for minutes.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

# Files that take longer than their number of tests lets expect, and about how many seconds.
SECONDS = {
    "tests/integration/test_server_image.py": 130,
    "tests/e2e/test_guide.py": 120,
    "tests/e2e/test_cluster.py": 100,
    "tests/fault/test_chaos.py": 100,
    "tests/e2e/test_three_hosts.py": 100,
    "tests/e2e/test_cli_builds.py": 100,
    "tests/e2e/test_server.py": 100,
    "tests/fault/test_cluster_faults.py": 80,
    "tests/e2e/test_cli_process.py": 80,
    "tests/fault/test_stack_faults.py": 80,
    "tests/e2e/test_window_real_stack.py": 70,
    "tests/fault/test_agent_faults.py": 60,
    "tests/fault/test_agent_docker_faults.py": 60,
    "tests/fault/test_jobs_faults.py": 60,
    "tests/integration/test_packages.py": 50,
    "tests/contract/test_driver_contract.py": 50,
    "tests/integration/test_container_network.py": 50,
    "tests/integration/test_stack.py": 50,
    "tests/fault/test_build_faults.py": 45,
    "tests/integration/test_container_bandwidth.py": 45,
    "tests/fault/test_asset_faults.py": 40,
    "tests/fault/test_client_faults.py": 40,
    "tests/e2e/test_window_log_faults.py": 40,
    "tests/integration/test_asset_jobs_refused.py": 40,
    "tests/integration/test_audio_pipeline.py": 40,
}
# Files that use one server, which would otherwise be started by several processes.
TOGETHER = {
    "tests/e2e/test_server_care.py": "tests/e2e/test_server.py",
    "tests/e2e/test_server_permissions.py": "tests/e2e/test_server.py",
}
# What a test takes where nothing else is known of its file.
_USUAL_S = 0.3


def together(file: str) -> str:
    """Return the file whose process runs this one's tests."""
    return TOGETHER.get(file, file)


def sort(items: list[pytest.Item]) -> None:
    """Put the tests of long files first; those of a file keep their order."""
    files = Counter(together(_file(item.nodeid)) for item in items)
    taken = {file: max(SECONDS.get(file, 0.0), _USUAL_S * count) for file, count in files.items()}
    items.sort(key=lambda item: -taken[together(_file(item.nodeid))])


def scheduler(config: pytest.Config, log: Any) -> Any:
    """Return what gives files to processes, in the order of the tests."""
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return together(_file(nodeid))

    config.option.loadscopereorder = False
    return Together(config, log)


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]
