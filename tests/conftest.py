"""Fixtures and rules for every test: which services exist, and what a missing one means."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import signal
from collections.abc import Iterator

import hypothesis
import pytest

from tests.services import spread

# pytest-qt reads this at start; the ini option would be an error where pytest-qt is not installed.
os.environ.setdefault("PYTEST_QT_API", "pyside6")
os.environ.setdefault("QT_API", "pyside6")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# No test may reach the developer's own stack, settings or keyring.
os.environ.setdefault("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
for _name in ("SLATE_PROFILE", "SLATE_NATS_URL", "SLATE_DATABASE_URL", "SLATE_REDIS_URL"):
    os.environ.pop(_name, None)

# A shell has its background jobs ignore Ctrl+C, and so would each program that a test starts and
# interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, signal.default_int_handler)

SERVICES = ("postgres", "nats", "cluster", "redis", "docker", "stack", "shared_assets", "gltf")
pytest_plugins = [
    f"tests.services.{name}"
    for name in SERVICES
    if importlib.util.find_spec(f"tests.services.{name}") is not None
]

# How long an example takes is the machine's matter: on a busy one a fifth of a second is no fault.
hypothesis.settings.register_profile("slate", deadline=None)
hypothesis.settings.load_profile("slate")

IS_STRICT = os.environ.get("CI") == "true" or os.environ.get("SLATE_REQUIRE_SERVICES") == "1"
# Reasons that are facts of a machine rather than a missing service.
ALLOWED_SKIPS = ("not on this platform", "shared assets are absent")


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Leave logging as it was: a command that a test runs in this process sets it up anew."""
    root = logging.getLogger()
    known = {"": root.level} | {
        name: logger.level
        for name, logger in root.manager.loggerDict.items()
        if isinstance(logger, logging.Logger)
    }
    yield
    for name, level in known.items():
        logging.getLogger(name or None).setLevel(level)
    for handler in [item for item in root.handlers if getattr(item, "is_slate", False)]:
        root.removeHandler(handler)
        handler.close()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object | None:
    """Give whole files to processes, the longest first."""
    return spread.scheduler(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the longest files where several processes share the tests."""
    if hasattr(config, "workerinput"):
        spread.sort(items)


def require_service(name: str, reason: str) -> None:
    """Skip visibly on a developer's machine; fail where the suite promises the service."""
    if IS_STRICT:
        pytest.fail(f"{name} is required here: {reason}")
    pytest.skip(f"{name}: {reason}")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """In CI a skipped test is a failure, unless its reason is a fact of the machine."""
    if not IS_STRICT:
        return
    bad = [
        report
        for report in terminalreporter.stats.get("skipped", [])
        if not any(reason in str(report.longrepr) for reason in ALLOWED_SKIPS)
    ]
    if bad:
        terminalreporter.section("skips that CI does not allow", red=True)
        for report in bad:
            terminalreporter.line(f"{report.nodeid}: {report.longrepr}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Turn disallowed skips into a failing exit status."""
    if not IS_STRICT or exitstatus != 0:
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if any(not any(ok in str(r.longrepr) for ok in ALLOWED_SKIPS) for r in skipped):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
