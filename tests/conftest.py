"""What several test files need."""

import signal

import pytest

from helpers import report
from helpers.errors import MissingToolError

# A shell has Ctrl-C ignored by what it starts in the background, and commands that tests start
# would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def chromium():
    """Return the path of the Chromium that reports are printed with."""
    try:
        return report.find_chromium()
    except MissingToolError as error:
        pytest.skip(str(error))


@pytest.fixture
def cluster(root):
    """Return a Dask cluster of two processes that talk over TCP on this machine.

    It starts after the test's own `root` is set, so that its workers see that.
    """
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        protocol="tcp://",
        dashboard_address=None,
    ) as cluster:
        yield cluster
