"""`make test` runs every check, whatever an earlier one says, and names those that failed."""

import runpy
from pathlib import Path

import pytest

CHECK = Path(__file__).parents[1] / "tools" / "check.py"


@pytest.fixture
def main():
    """Return check.py's main function, with three modules of Python's own for checks."""
    main = runpy.run_path(str(CHECK))["main"]
    main.__globals__["CHECKS"] = {
        "first": ["no_such_module"],
        "second": ["platform"],
        "tests": ["calendar"],
    }
    return main


def test_goes_on_after_a_failure_and_names_it(main, capfd):
    assert main(["--", "2026"]) == 1
    printed = capfd.readouterr().out
    assert printed.index("== first") < printed.index("== second") < printed.index("== tests")
    assert "November" in printed  # what calendar prints for 2026
    assert printed.endswith("FAILED: first\n")


def test_says_so_where_all_is_well(main, capfd):
    assert main(["second"]) == 0
    assert capfd.readouterr().out.endswith("All is well.\n")


def test_an_unknown_name_is_refused(main, capfd):
    assert main(["fourth"]) == 2
    assert capfd.readouterr().err == "unknown: fourth; the checks are first, second, tests\n"
