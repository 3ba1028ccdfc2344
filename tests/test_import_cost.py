"""`import helpers` loads nothing heavy, and every module is there when it is asked for."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import helpers

HEAVY = {
    *["numpy", "pandas", "scipy", "matplotlib", "seaborn", "lifelines", "great_tables"],
    *["pydantic", "pandera", "ipywidgets", "IPython", "papermill", "nbconvert", "typer"],
}


def loaded_by(code):
    """Return the top names of what a fresh interpreter has loaded after running some code."""
    end = "; import json, sys; print(json.dumps(sorted({n.split('.')[0] for n in sys.modules})))"
    run = subprocess.run(
        [sys.executable, "-c", code + end], capture_output=True, text=True, check=True
    )
    return set(json.loads(run.stdout))


def test_importing_the_package_loads_nothing_heavy():
    assert not HEAVY & loaded_by("import helpers, helpers.errors, helpers.paths")
    # The same look does find what is loaded.
    assert loaded_by("import helpers; helpers.survival") >= {"numpy", "pandas"}


def test_what_only_draws_or_estimates_loads_when_it_is_used():
    loaded = loaded_by("from helpers import survival, figures, tables, whatif, proportions")
    assert not {"matplotlib", "seaborn", "lifelines", "great_tables", "ipywidgets"} & loaded


def test_every_module_is_an_attribute():
    here = Path(helpers.__file__).parent
    files = {file.stem for file in here.glob("*.py")}
    files |= {file.parent.name for file in here.glob("*/__init__.py")}
    assert set(helpers.__all__) == files - {"__init__", "__main__"}
    assert dir(helpers) == sorted(helpers.__all__)
    for name in helpers.__all__:
        # Asked of the function, as an import elsewhere may have set the attribute already.
        assert helpers.__getattr__(name).__name__ == f"helpers.{name}"


def test_what_is_no_module_is_no_attribute():
    with pytest.raises(AttributeError, match="'helpers' has no attribute 'surival'"):
        _ = helpers.surival
