"""Make the files that follow from pyproject.toml, uv.lock, the lessons and the papers.

    python tools/derive.py           write them
    python tools/derive.py --check   only say which are out of step

So a version stands in uv.lock alone, and the repository's address in pyproject.toml alone.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import quote, urlsplit

import uv
import yaml
from packaging.requirements import Requirement

from helpers import course

ROOT = Path(__file__).parents[1]
NOTE = "# Made by `make derived`: change pyproject.toml or uv.lock, not this file.\n"
# In Markdown, and in the code of a lesson, where a # stands before it.
BLOCK = re.compile(r"(<!-- made by make derived: (\w+) -->\n).*?((?:# )?<!-- end -->)", re.DOTALL)
# What the Binder image leaves out, with all that is needed for these alone: it is for testing
# lessons, and for work on several machines.
NOT_IN_A_SESSION = ("nbval", "distributed")
# conda-forge names nearly all packages as PyPI does.
CONDA_NAMES = {
    "great-tables": "great_tables",
    "jupyter-client": "jupyter_client",
    "ortools": "ortools-python",
}


def derived(root: Path) -> dict[str, str]:
    """Return the text of each derived file by its path below `root`."""
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    project, own = settings["project"], settings["tool"]["trial-by-notebook"]
    locked = _locked(root)
    repository, lessons = project["urls"]["Repository"], _lessons(root)
    blocks = _blocks(repository, root)
    files = {
        "environment.yml": NOTE + _yaml(_environment(project, locked, own["python"])),
        "binder/requirements.txt": NOTE + _locked(root, *NOT_IN_A_SESSION),
        "binder/runtime.txt": f"python-{own['python']}\n",
        "binder/jupyter_lab_config.json": _opened_first(lessons[0]),
        "CITATION.cff": NOTE + _yaml(_citation(project, own["title"])),
    }
    places = ["README.md", "CONTRIBUTING.md", "data/README.md", "docs/*.md"]
    for file in (file for place in places for file in sorted(root.glob(place))):
        text = file.read_text(encoding="utf-8")
        if BLOCK.search(text):
            files[file.relative_to(root).as_posix()] = BLOCK.sub(
                lambda match: f"{match[1]}{blocks[match[2]]}\n{match[3]}", text
            )
    for file in lessons:
        files[file.relative_to(root).as_posix()] = _lesson(file, repository)
    return files


def _lessons(root: Path) -> list[Path]:
    return sorted(root.glob("notebooks/[0-9][0-9]_*.ipynb"))


def _lesson(file: Path, repository: str) -> str:
    """Return a notebook with its marked blocks made anew."""
    text = file.read_text(encoding="utf-8")
    blocks = _lesson_blocks(file, repository)
    notebook, changed = json.loads(text), False
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        new = BLOCK.sub(lambda match: f"{match[1]}{blocks[match[2]]}\n{match[3]}", source)
        if new != source:
            cell["source"], changed = new.splitlines(keepends=True), True
    # As nbformat stores it.
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n" if changed else text


def _lesson_blocks(file: Path, repository: str) -> dict[str, str]:
    """Return what goes between the markers in a lesson, by the marker's name."""
    kit = repository.rsplit("/", 1)[1]
    commands = json.dumps({"commands": ["docmanager:save", "docmanager:download"]})
    return {
        "launch": f"[▶ Open this lesson in Binder]({_opened(file, repository)})",
        "guard": f"""\
# Where the lesson was opened without its kit, it says so in one line.
from importlib import import_module

try:
    import_module("helpers.panels")
except ImportError as error:
    from IPython.core.error import UsageError

    raise UsageError(
        f"{{error}}. To get the kit: %pip install --editable git+{repository}#egg={kit}, "
        "then restart the kernel. Or open the lesson by the link at its top."
    ) from None""",
        "keep": f"""\
<button data-commandlinker-command="apputils:run-all-enabled" data-commandlinker-args='{commands}'>\
Save and download</button> *keeps this lesson with your changes and answers, on your own machine.* \
If Jupyter asks, choose *Run Once*. A Binder session ends after some minutes without use, and what \
isn't downloaded is then gone. Where the button does nothing: *File → Download*.""",
    }


def _opened(file: Path, repository: str) -> str:
    """Return the address that opens a lesson in Binder."""
    return f"{_binder(repository)}?urlpath=lab/tree/notebooks/{file.name}"


def _opened_first(lesson: Path) -> str:
    """Return Jupyter's configuration that opens a lesson where no other place is asked for."""
    place = {"LabApp": {"default_url": f"/lab/tree/notebooks/{lesson.name}"}}
    return json.dumps(place, indent=2) + "\n"


def _locked(root: Path, *left_out: str) -> str:
    """Return what a user needs installed, as pip reads it."""
    options = "--frozen --no-dev --no-emit-project --no-hashes --no-annotate --no-header --quiet"
    pruned = (f"--prune={name}" for name in left_out)
    command = [uv.find_uv_bin(), "export", *options.split(), *pruned]
    return subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout


def _environment(project: dict, locked: str, python: str) -> dict:
    """Return environment.yml: the direct dependencies at their locked versions."""
    machine = {"python_version": python, "python_full_version": f"{python}.99"}
    versions = {
        requirement.name: str(requirement.specifier)
        for requirement in map(Requirement, locked.splitlines())
        if not requirement.marker or requirement.marker.evaluate(machine)
    }
    direct = sorted(Requirement(line).name for line in project["dependencies"])
    pins = [CONDA_NAMES.get(name, name) + versions[name] for name in direct]
    # conda knows no `--no-deps` here; pip finds every dependency in place and adds the kit alone.
    return {
        "name": project["name"],
        "channels": ["conda-forge", "nodefaults"],
        "dependencies": [f"python={python}", "pip", *pins, {"pip": ["-e ."]}],
    }


def _citation(project: dict, title: str) -> dict:
    return {
        "cff-version": "1.2.0",
        "message": "If you use this kit, please cite it, and the papers that it rebuilds.",
        "type": "software",
        "title": title,
        "abstract": project["description"],
        "authors": [{"name": author["name"]} for author in project["authors"]],
        "version": project["version"],
        "license": project["license"],
        "repository-code": project["urls"]["Repository"],
        "keywords": project["keywords"],
    }


def _blocks(repository: str, root: Path) -> dict[str, str]:
    """Return what goes between the markers in a Markdown file, by the marker's name."""
    files = _lessons(root)
    rows = [
        f"| [{each.heading}](notebooks/{each.name}.ipynb) "
        f"| {each.minutes} | {each.after} "
        f"| [open]({_opened(file, repository)}) |"
        for file, each in zip(files, course.lessons(files), strict=True)
    ]
    picture = "![Binder](https://mybinder.org/badge_logo.svg)"
    badge = f"[{picture}]({_opened(files[0], repository)})"
    return {
        "badge": badge,
        "clone": f"```sh\ngit clone {repository}\ncd {repository.rsplit('/', 1)[1]}\n```",
        "lessons": "\n".join(
            ["| lesson | minutes | after | in Binder |", "|---|---|---|---|", *rows]
        ),
        "codebook": "\n\n".join(_codebook(file) for file in sorted(root.glob("data/*/paper.toml"))),
    }


def _codebook(file: Path) -> str:
    """Return what each column of a paper's patients holds, as its paper.toml says."""
    paper = tomllib.loads(file.read_text(encoding="utf-8"))
    rows = [
        "| {} | {} | {} | {} | {} |".format(
            f"`{name}`",
            " · ".join(filter(None, [variable["label"], variable.get("unit", "")])),
            "; ".join(f"`{code}` {words}" for code, words in variable.get("values", {}).items())
            or variable["type"],
            variable["source"],
            variable.get("note", ""),
        )
        for name, variable in paper.get("variables", {}).items()
    ]
    heading = f"### `{paper['id']}`: {paper['short_title']}\n\nSource: {paper['citation']}"
    if paper.get("doi"):
        heading += f", [doi {paper['doi']}](https://doi.org/{paper['doi']})"
    if not rows:
        return heading + "."
    titles = "| column | what · unit | values | source | note |\n|---|---|---|---|---|"
    return "\n".join([heading + ".\n", titles, *rows])


def _binder(repository: str) -> str:
    """Return Binder's address for the newest state of a repository."""
    address = urlsplit(repository)
    if address.hostname == "github.com":
        return f"https://mybinder.org/v2/gh{address.path}/HEAD"
    return f"https://mybinder.org/v2/git/{quote(repository, safe='')}/HEAD"


def _yaml(content: dict) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


def main(check: bool) -> int:
    """Write the files that are out of step, or only name them; return the exit status."""
    stale = {
        name: text
        for name, text in derived(ROOT).items()
        if not (file := ROOT / name).is_file() or file.read_text(encoding="utf-8") != text
    }
    for name, text in stale.items():
        if check:
            print(f"{name} is out of step: run `make derived`", file=sys.stderr)
        else:
            (ROOT / name).write_text(text, encoding="utf-8")
            print(name)
    if not stale:
        print("All derived files are in step.")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(check=sys.argv[1:] == ["--check"]))
