"""Small lessons, which tests of reports write beside a copy of the data, and a way to run them."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import nbformat
from nbformat import v4

from helpers import report

HERE = Path(__file__).parents[1]
ALL = ("dose", "cohort", "endpoint", "assumptions")

PARAMETERS = 'venetoclax_days: int = 28  # days per cycle\ncohort: str = ""  # empty for all'
CHECK = f"""from helpers import parameters
settings = parameters.check(globals(), *{ALL}, paper="alal_nos")"""
PANEL = """import ipywidgets
class Panel(ipywidgets.VBox):
    def _repr_mimebundle_(self, **options):
        bundle = super()._repr_mimebundle_(**options)
        shown = f"{settings.venetoclax_days} days of venetoclax, cohort [{settings.cohort}]"
        bundle["text/html"] = f"<p class='panel'>{shown.replace('<', '&lt;')}</p>"
        return bundle
Panel([ipywidgets.IntSlider(settings.venetoclax_days)])"""
FIGURE = """import base64, io
import matplotlib
from matplotlib.figure import Figure
from IPython.display import HTML
matplotlib.rcParams["svg.hashsalt"] = "test"
figure = Figure(figsize=(6, 3))
figure.subplots().step([0, 5, 10], [1, 0.8, settings.venetoclax_days / 28])
drawn = io.BytesIO()
figure.savefig(drawn, format="svg", metadata={"Date": None})
code = base64.b64encode(drawn.getvalue()).decode()
HTML(f'<img alt="A step curve" src="data:image/svg+xml;base64,{code}">')"""
TABLE = """import pandas
pandas.DataFrame({"patient": [1, 2], "response": ["complete", "partial"]})"""


def lesson(root, name, *cells, title="A small lesson", settings=ALL, first=PARAMETERS):
    """Write a lesson; a cell is Markdown if it starts with #, and code otherwise."""
    notebook = v4.new_notebook()
    about = {"title": title, "paper": "alal_nos" if settings else "", "settings": list(settings)}
    notebook.metadata["trial_by_notebook"] = about
    notebook.cells = [v4.new_markdown_cell(f"# {title}\n\nWhat it is about.")]
    if first:
        notebook.cells.append(v4.new_code_cell(first, metadata={"tags": ["parameters"]}))
    for cell in cells:
        source, tags = cell if isinstance(cell, tuple) else (cell, [])
        new = v4.new_markdown_cell if source.startswith("#") else v4.new_code_cell
        notebook.cells.append(new(source, metadata={"tags": tags}))
    folder = root / "notebooks"
    folder.mkdir(exist_ok=True)
    nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb"


def new_root(folder):
    shutil.copytree(HERE / "data", folder / "data")
    return folder


def command(root, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "helpers", "report", *arguments],
        cwd=root,
        env=os.environ | {"TRIAL_BY_NOTEBOOK": str(root)} | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def planned(path, **values):
    return report.plan([report.read(path)], values)[0]


def without_provenance(html):
    start = html.index('<footer id="provenance">')
    return html[:start] + html[html.index("</footer>", start) :]


def files(root):
    return list((root / "reports").iterdir())


def wait_for(condition, *, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def alive(process):
    with suppress(ProcessLookupError, FileNotFoundError):
        os.kill(process, 0)
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    return False
