"""A lesson taken elsewhere without its kit: one line says how to get it."""

import subprocess
import sys
import sysconfig

import nbformat
import pytest

from helpers import paths

# Python without the folders that .pth files add, and so without an editable kit.
ALONE = """
import sys
sys.path.append({packages!r})
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
done = shell.run_cell(sys.stdin.read())
sys.exit(0 if done.success else 1)
"""


def run_alone(source, folder):
    code = ALONE.format(packages=sysconfig.get_path("purelib"))
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        input=source,
        cwd=folder,
        env={"HOME": str(folder), "IPYTHONDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("lesson", paths.lessons(), ids=lambda path: path.stem)
def test_the_first_cell_that_needs_the_kit_is_preceded_by_how_to_get_it(lesson):
    code = [cell for cell in nbformat.read(lesson, 4).cells if cell.cell_type == "code"]
    first = next(at for at, cell in enumerate(code) if "from helpers" in cell.source)
    assert any("import_module(" in cell.source for cell in code[:first])


def test_it_is_one_line_and_no_traceback(tmp_path):
    code = [cell for cell in nbformat.read(paths.lessons()[0], 4).cells if cell.cell_type == "code"]
    (guard,) = (cell.source for cell in code if "import_module(" in cell.source)
    done = run_alone(guard, tmp_path)
    assert done.returncode == 1
    lines = (done.stdout + done.stderr).strip().splitlines()
    assert len(lines) == 1, lines
    assert "No module named 'helpers'" in lines[0]
    assert "%pip install" in lines[0]


def test_with_the_kit_it_says_nothing(tmp_path):
    code = [cell for cell in nbformat.read(paths.lessons()[0], 4).cells if cell.cell_type == "code"]
    (guard,) = (cell.source for cell in code if "import_module(" in cell.source)
    done = run_alone(f"import sys; sys.path.insert(0, {str(paths.root())!r})\n{guard}", tmp_path)
    assert (done.returncode, done.stdout.strip(), done.stderr.strip()) == (0, "", "")
