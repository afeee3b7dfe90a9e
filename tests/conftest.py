"""What all tests share: the mark of those that need real servers, and a word when they skip."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from effort import EXAMPLES, tries

_INTEGRATION = Path(__file__).parent / "integration"
# wall time says nothing about a law
settings.register_profile(
    "shared-machine",
    deadline=None,
    max_examples=tries(EXAMPLES),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("shared-machine")

_SKIPPED = pytest.StashKey[list[str]]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies in ``integration/`` as such, with time for servers to start."""
    for item in items:
        if _INTEGRATION in item.path.parents:
            item.add_marker(pytest.mark.integration)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(180))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> object:
    """Turn skipped integration tests into failures where nobody would see the skipping."""
    report = yield
    if (
        report.skipped
        and item.get_closest_marker("integration")
        and not hasattr(report, "wasxfail")
    ):
        item.config.stash.setdefault(_SKIPPED, []).append(item.nodeid)
        if os.environ.get("CI"):
            report.outcome = "failed"
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say it loudly when the tests against real servers did not run."""
    skipped = config.stash.get(_SKIPPED, [])
    if skipped:
        terminalreporter.section("NOT TESTED AGAINST REAL SERVERS", red=True, bold=True)
        terminalreporter.line(f"{len(skipped)} integration tests were skipped; reasons: pytest -rs")
