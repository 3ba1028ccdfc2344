"""A made-up class: notebooks handed in, right, wrong and hostile, and what each should get.

    python -m benchmarks.a_class [COUNT]

Grades COUNT of them, 200 unless told otherwise, as a teacher does, and says how long it took. It
fails if one is lost, or gets other points than it should.
"""

import copy
import csv
import io
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import cycle, islice
from pathlib import Path

from nbformat import NotebookNode

from helpers import paths
from helpers.classroom import tasks, versions
from helpers.classroom.tasks import Task
from helpers.report import lessons

# What a notebook might send of itself, where only its answers are waited for.
LIES = r"""
import os
lies = [
    '{"task": 0, "answer": {"number": 1}, "seed": -1}',
    '{"task": 1, "answer": {"text": []}, "seed": ' + "9" * 4000 + "}",
    '{"task": -99, "answer": {"other": "=1"}, "seed": 1}',
    '{"cell": -99, "error": "no"}',
    '{"cell": 0, "error": "\\ud800"}',
    "[" * 10**5,
    "9" * 10**5,
    ".",
]
for number in range(3, 20):
    for lie in lies:
        try:
            os.write(number, f"+{lie}\n".encode())
        except OSError:
            pass
"""
# Code that means harm, and whether the answers below it are still found.
HOSTILE = {
    "endless": ("while True:\n    pass", False),
    "sleeping": ("import time\ntime.sleep(10**6)", False),
    "leaving": ("import os\nos._exit(0)", False),
    "crashing": ("import ctypes\nctypes.string_at(0)", False),
    # A tree of 256 at the most, all asleep: where nothing bounds it, it still does no harm.
    "forking": (
        "import os, time\nfor _ in range(8):\n    try:\n        os.fork()\n    except OSError:\n"
        "        pass\ntime.sleep(10**6)",
        False,
    ),
    "eating": ("eaten = []\nwhile True:\n    eaten.append(bytearray(10**7))", None),
    "flooding": ("for _ in range(1000):\n    print('x' * 10**6)", True),
    "flooding_files": (
        "import os\nwhile True:\n    for number in range(3, 20):\n        try:\n"
        "            os.write(number, b'x' * 10**5)\n        except OSError:\n            pass",
        False,
    ),
    "lying": (LIES, True),
    "filling": (
        "for number in range(1000):\n    with open(f'{number}', 'wb') as file:\n"
        "        file.write(b'x' * 10**7)",
        True,
    ),
    "deleting": (
        "import shutil\nfrom helpers import paths\nfor place in (paths.root(), '..', '.'):\n"
        "    shutil.rmtree(place, ignore_errors=True)",
        True,
    ),
    "killing": (
        "import os\nfor number in (-1, 0, os.getppid(), *range(2, 3000)):\n    try:\n"
        "        os.kill(number, 9)\n    except OSError:\n        pass",
        True,
    ),
    "calling": ("import socket\nsocket.create_connection(('127.0.0.1', 22), timeout=9)", True),
    "cheating": (
        "exercises.check = lambda *_, **__: print('100 of 100 points')\n"
        "from helpers.exercises import check\ncheck = exercises.check",
        False,
    ),
    "peeping": (
        "from pathlib import Path\nfrom helpers import paths\n"
        "seen = [file.read_text() for file in paths.root().glob('data/*/exercises.toml')]\n"
        "assert any(seen), 'nothing to see'",
        True,
    ),
    "asking": ("name = input('Who are you? ')", True),
    "recursing": ("def down():\n    return down()\n\n\ndown()", True),
    "nested": ("(" * 100_000, True),
}
GARBAGE = {
    "no_json": '{"nbformat": 4, "cells": [',
    "nothing": "",
    "too_deep": "[" * 1_000_000,
    "no_cells": '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 7}',
    "old": '{"nbformat": 3, "worksheets": []}',
}
HONEST = ["right", "computed", "typical", "half", "scratch", "right", "empty", "slip", "early"]


@dataclass(frozen=True)
class HandedIn:
    """A notebook and what it should get: from so many points to so many, and a remark or none."""

    name: str
    text: str
    least: int
    most: int


def notebook(lesson: Path, kind: str) -> HandedIn:
    """Make a notebook of a kind: honest, hostile or garbage."""
    if kind in GARBAGE:
        return HandedIn(f"{kind}.ipynb", GARBAGE[kind], 0, 0)
    student, typed = _lesson(lesson)
    asked, made = list(typed), copy.deepcopy(student)
    cells = {cell.id: cell for cell in made.cells}
    right = {task: answers[0] for task, answers in typed.items()}
    computed = {task: f"type({answer})({answer})" for task, answer in right.items()}
    answers, least = dict(right), len(asked)
    first = asked[0]
    code = [cell for cell in made.cells if cell.cell_type == "code"]
    if kind == "computed":
        answers = computed
    elif kind in ("typical", "half"):
        for task in asked[kind == "half" :: 1 + (kind == "half")]:
            answers[task] = typed[task][1]
            least -= 1
    elif kind == "empty":
        answers, least = dict.fromkeys(asked, "..."), 0
    elif kind == "slip":
        answers[first], least = "not_a_name + 1", least - 1
    elif kind in ("scratch", "early"):
        answers[first] = computed[first]
        place = len(code) // 2 if kind == "scratch" else 1
        code[place].source += "\n# My note."
    elif kind in HOSTILE:
        answers[first] = computed[first]
    for task, answer in answers.items():
        cells[task.cell].source = f"{task.variable} = {answer}\n"
    most = least
    if kind in HOSTILE:
        harm, goes_on = HOSTILE[kind]
        extra = copy.deepcopy(cells[first.cell])
        extra.update(id="harm", source=harm, metadata={})
        made.cells.insert(made.cells.index(cells[first.cell]), extra)
        # What has to be run: the first answer, and those that depend on a seed.
        run = len({first, *(task for task in asked if task.seeded)})
        least, most = least - run * (goes_on is not True), most - run * (goes_on is False)
    return HandedIn(f"{lesson.stem}-{kind}.ipynb", json.dumps(made), least, most)


@cache
def _lesson(lesson: Path) -> tuple[NotebookNode, dict[Task, list[str]]]:
    """Return what a student gets, and of each exercise the right answer and the typical ones."""
    source = lessons.load(lesson)
    typed = {task: versions.typed(task) for task in tasks.of(source)}
    return versions.student(source, clean=True), typed


def a_class(count: int) -> Iterator[HandedIn]:
    """Make so many notebooks: in each fifteen of them nine honest, five hostile, one garbage."""
    of = cycle(paths.lessons())
    hostile, garbage = cycle(HOSTILE), cycle(GARBAGE)
    kinds = cycle([*HONEST, *[None] * 5, ""])
    for number, kind in enumerate(islice(kinds, count)):
        chosen = next(hostile) if kind is None else kind or next(garbage)
        made = notebook(next(of), chosen)
        yield HandedIn(f"student{number:03}/{made.name}", made.text, made.least, made.most)


def write(handed_in: list[HandedIn], folder: Path) -> None:
    """Put notebooks into a folder, as they come from a course's server."""
    for each in handed_in:
        file = folder / each.name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(each.text, encoding="utf-8")


def grade(folder: Path, to: Path, *options: str) -> list[dict[str, str]]:
    """Grade a folder with the command, and return the lines."""
    command = [sys.executable, "-m", "helpers", "classroom", "grade", str(folder), "--csv", str(to)]
    subprocess.run([*command, *options], check=False)
    return list(csv.DictReader(io.StringIO(to.read_text(encoding="utf-8-sig"))))


def lost(handed_in: list[HandedIn], lines: list[dict[str, str]]) -> list[str]:
    """Say what isn't as it should be: notebooks without a line, or with other points."""
    by_name = {line["submission"]: line for line in lines}
    wrong = [f"{each.name}: no line" for each in handed_in if each.name not in by_name]
    for each in handed_in:
        line = by_name.get(each.name)
        if line and not each.least <= int(line["points"]) <= each.most:
            wrong.append(f"{each.name}: {each.least} to {each.most} points, got {line}")
    return wrong


def main(count: int) -> int:
    with tempfile.TemporaryDirectory() as place:
        handed_in = list(a_class(count))
        write(handed_in, Path(place, "class"))
        begun = time.perf_counter()
        lines = grade(Path(place, "class"), Path(place, "points.csv"))
        took = time.perf_counter() - begun
    wrong = lost(handed_in, lines)
    remarks = Counter(line["remark"] for line in lines if line["remark"])
    print(f"{len(lines)} of {count} notebooks graded in {took:.0f} s")
    for remark, times in remarks.most_common():
        print(f"{times:4} {remark}")
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
