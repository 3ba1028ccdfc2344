"""Reports: a lesson run with the parameters of your choice, as one file to keep or to print.

The way of a report: `find` the lesson, `read` it, `plan` it (which checks every parameter of
every lesson before anything runs), then `make` it: `run` under papermill, lay out as a `page`,
write. `read_grid` plans many from a file. `write_index` lists what a folder holds, and
`write_summary` says what moves from variant to variant.

A report is named after its lesson, and after what was varied. The folder is its own record:
each report carries what the index says of it and a hash of what it was made of, and is made again
only if that changes. A lesson that failed leaves ``<name>.failed.html`` until it succeeds.
Figures, tables and comparisons are read from the pages.
"""

from helpers.report.batches import Done, make, write_summary
from helpers.report.exports import FIGURES, TABLES
from helpers.report.folder import write_failure, write_index
from helpers.report.grids import Grid
from helpers.report.grids import read as read_grid
from helpers.report.lessons import Lesson, find, read
from helpers.report.making import FORMATS, Wanted
from helpers.report.pages import page
from helpers.report.plans import Plan, assignments, plan
from helpers.report.printing import find_chromium, print_pdf
from helpers.report.running import run

__all__ = [
    "FIGURES",
    "FORMATS",
    "TABLES",
    "Done",
    "Grid",
    "Lesson",
    "Plan",
    "Wanted",
    "assignments",
    "find",
    "find_chromium",
    "make",
    "page",
    "plan",
    "print_pdf",
    "read",
    "read_grid",
    "run",
    "write_failure",
    "write_index",
    "write_summary",
]
