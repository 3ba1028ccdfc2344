"""A kernel that is forked from a process which has loaded libraries is as good as a new one."""

import os
import random

import pytest
from small_lessons import CHECK, alive, lesson, new_root, planned, wait_for, without_provenance

from helpers import report
from helpers.errors import LessonError
from helpers.report import kernels

pytestmark = pytest.mark.skipif(not kernels.CAN_FORK, reason="kernels are forked on Linux alone")

# Whatever may depend on how a kernel came about: order of sets, pyplot's backend, the first
# figure, the order of sums, the folder, the names that a lesson begins with.
TELLING = [
    "import numpy, pandas, matplotlib\nfrom helpers import figures, tables",
    "import os\nprint({'a', 'b', 'c'}, hash('text'), os.getcwd(), sorted(globals()))",
    "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\nplt.show()",
    "print(matplotlib.get_backend(), plt.get_fignums())",
    "print(numpy.linalg.svd(numpy.random.default_rng(1).normal(size=(300, 300)))[1].sum())",
    "with figures.drawing(4, 2) as (figure, axes):\n"
    "    axes.plot([0, 1])\n    drawn = figures.picture(figure, 'A line.')\ndrawn",
    "import __main__\nprint(__name__, __main__.__dict__ is globals())",
]


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    return new_root(tmp_path)


@pytest.fixture
def forks(request):
    """Return what forks kernels, with what the lessons above import."""
    forks = kernels.Forks(["numpy", "pandas", "matplotlib.pyplot", "helpers:figures"])
    yield forks
    forks.close()


def said(notebook):
    return "".join(
        output.get("text", "")
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )


def is_fork(notebook):
    """Say whether a kernel was there before its lesson imported anything."""
    return "numpy was there" in said(notebook)


LOADED = "import sys\nprint('numpy was there' if 'numpy' in sys.modules else 'numpy was not there')"


def test_a_forked_kernel_makes_the_same_page_as_a_new_one(root, forks):
    plan = planned(lesson(root, "01_small", CHECK, *TELLING), venetoclax_days="7")
    pages = [report.page(plan, report.run(plan, forks=each)) for each in (None, forks, forks)]
    new, first, second = map(without_provenance, pages)
    assert "A line." in new
    assert "inline" in new
    assert new == first == second


def test_kernels_are_forked_where_they_can_be(root, forks):
    plan = planned(lesson(root, "01_small", LOADED))
    assert is_fork(report.run(plan, forks=forks))
    assert not is_fork(report.run(plan))


def test_what_a_lesson_changes_no_other_one_sees(root, forks):
    change = (
        "from helpers import figures\nimport os\nfigures.GREY = 'changed'\n"
        "os.environ['LEFT'] = 'behind'\nleft = 1\nprint(figures.GREY)"
    )
    look = "from helpers import figures\nimport os\n"
    look += "print(figures.GREY, os.environ.get('LEFT'), 'left' in globals())"
    assert "changed" in said(report.run(planned(lesson(root, "01_one", change)), forks=forks))
    seen = said(report.run(planned(lesson(root, "02_two", look)), forks=forks))
    assert seen.strip() == "#8A8A8A None False"


def test_what_is_drawn_by_chance_is_drawn_anew_in_each_kernel(root, forks):
    draw = "import numpy, random, uuid\nprint(numpy.random.random(), random.random(), uuid.uuid4())"
    plan = planned(lesson(root, "01_small", draw))
    drawn = [said(report.run(plan, forks=forks)).split() for _ in range(2)]
    assert all(first != second for first, second in zip(*drawn, strict=True))


def test_a_process_with_threads_is_not_forked(root, tmp_path, monkeypatch):
    name = f"with_thread_{random.randrange(10**9)}"
    (tmp_path / f"{name}.py").write_text(
        "import numpy, threading, time\n"
        "threading.Thread(target=time.sleep, args=[600], daemon=True).start()\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    forks = kernels.Forks([name])
    try:
        with pytest.raises(kernels.ForksGone):
            forks.start([], cwd=".", env={})
        assert not is_fork(report.run(planned(lesson(root, "01_small", LOADED)), forks=forks))
    finally:
        forks.close()


def test_a_module_that_cannot_be_loaded_is_left_to_the_lesson(root, capfd):
    path = lesson(root, "01_small", "import no_such_module", "print('never')")
    assert kernels.imports_of([path]) == ["no_such_module"]
    forks = kernels.Forks(kernels.imports_of([path]))
    try:
        with pytest.raises(LessonError, match=r"cell.*ModuleNotFoundError: .*no_such_module"):
            report.run(planned(path), forks=forks)
    finally:
        forks.close()


def test_imports_are_read_from_all_cells(root):
    cells = ["import numpy, os.path as p", "def f():\n    from helpers import audit, cohort as c"]
    path = lesson(root, "01_small", *cells, "%matplotlib inline", "from . import x")
    expected = ["numpy", "os.path", "helpers:audit", "helpers:cohort"]
    assert kernels.imports_of([path]) == expected


def test_a_forked_kernel_that_dies_is_told(root, forks):
    path = lesson(root, "01_small", "import os\nos.kill(os.getpid(), 9)")
    with pytest.raises(LessonError, match=r"01_small, cell \[2\] `import os`: the kernel died"):
        report.run(planned(path), forks=forks)
    # The next one is well.
    assert is_fork(report.run(planned(lesson(root, "02_small", LOADED)), forks=forks))


def test_kernels_end_with_what_they_were_forked_from(root, tmp_path):
    forks = kernels.Forks([])
    connection = tmp_path / "kernel.json"
    kernel = forks.start(["-f", str(connection)], cwd=str(tmp_path), env=dict(os.environ))
    wait_for(connection.exists, seconds=60)
    assert alive(kernel.pid)
    assert kernel.poll() is None
    forks.close()
    assert not alive(kernel.pid)
    # Nobody is left to fork from: a kernel is started anew.
    assert not forks.is_alive()
    assert not is_fork(report.run(planned(lesson(root, "01_small", LOADED)), forks=forks))
