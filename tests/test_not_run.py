"""A skipped test is named at the end of a run, and fails it in CI."""

from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
TESTS = {
    "test_runs": "def test_it(): pass",
    "test_lacks_a_tool": """
        import pytest
        def test_it(): pytest.skip("no such tool")
        @pytest.mark.skip(reason="not on this machine")
        def test_other(): pass
    """,
    "test_lacks_a_module": "import pytest; pytest.importorskip('no_such_module')",
}
NAMED = [
    "*= NOT RUN =*",
    "test_lacks_a_module.py: could not import 'no_such_module'*",
    "test_lacks_a_tool.py::test_it: no such tool",
    "test_lacks_a_tool.py::test_other: not on this machine",
]


@pytest.fixture
def run(pytester, monkeypatch):
    """Run files of TESTS in a project of their own, with our root conftest.py."""
    pytester.makeconftest(CONFTEST.read_text(encoding="utf-8"))

    def run(*names, ci, workers="0"):
        monkeypatch.setenv("CI", ci)
        pytester.makepyfile(**{name: TESTS[name] for name in names})
        return pytester.runpytest("-n", workers)

    return run


@pytest.mark.parametrize("ci", ["", "false"])
def test_names_what_was_skipped(run, ci):
    result = run(*TESTS, ci=ci)
    assert result.ret == pytest.ExitCode.OK
    for line in NAMED:
        result.stdout.fnmatch_lines([line])


@pytest.mark.parametrize("workers", ["0", "2"])
def test_fails_for_it_in_ci(run, workers):
    result = run(*TESTS, ci="true", workers=workers)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    for line in [*NAMED, "This is a failure, *"]:
        result.stdout.fnmatch_lines([line])


@pytest.mark.parametrize("ci", ["", "true"])
def test_says_nothing_where_all_ran(run, ci):
    result = run("test_runs", ci=ci)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("*NOT RUN*")
