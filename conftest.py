"""Name what a test run skipped, and fail for it where nobody reads along.

At the root, so that it also holds for `pytest notebooks` or `pytest helpers`.
"""

import os

import pytest

pytest_plugins = ["pytester"]


def _in_ci():
    return os.environ.get("CI", "").lower() in ("1", "true", "yes", "on")


def _skipped(config):
    """Return the reports of skipped tests; only the process that prints the result has any."""
    return config.pluginmanager.get_plugin("terminalreporter").stats.get("skipped", [])


def pytest_sessionfinish(session, exitstatus):
    if _in_ci() and exitstatus == pytest.ExitCode.OK and _skipped(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    if not (reports := _skipped(config)):
        return
    terminalreporter.section("NOT RUN", red=_in_ci(), yellow=not _in_ci())
    for report in reports:
        _, _, reason = report.longrepr
        terminalreporter.line(f"{report.nodeid}: {reason.removeprefix('Skipped: ')}")
    if _in_ci():
        terminalreporter.line("This is a failure, as the variable CI is set.", red=True)
