"""What several test files need."""

import pytest

from helpers import report
from helpers.errors import MissingToolError


@pytest.fixture(scope="session")
def chromium():
    """Return the path of the Chromium that reports are printed with."""
    try:
        return report.find_chromium()
    except MissingToolError as error:
        pytest.skip(str(error))
