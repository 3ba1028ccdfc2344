"""Reports: a lesson run with the parameters of your choice, as one file to keep or to print.

The way of a report: `find` the lesson, `read` it, `plan` it (which checks every parameter of
every lesson before anything runs), then `make` it: `run` under papermill, lay out as a `page`,
write. `write_index` lists what a folder holds.

A report is named after its lesson, and after what was varied. The folder is its own record:
each report carries what the index says of it, and a lesson that failed leaves
``<name>.failed.html`` until it succeeds.
"""

from helpers.report.folder import FORMATS, make, write_failure, write_index
from helpers.report.lessons import Lesson, find, read
from helpers.report.pages import page
from helpers.report.plans import Plan, assignments, plan
from helpers.report.printing import find_chromium, print_pdf
from helpers.report.running import run

__all__ = [
    "FORMATS",
    "Lesson",
    "Plan",
    "assignments",
    "find",
    "find_chromium",
    "make",
    "page",
    "plan",
    "print_pdf",
    "read",
    "run",
    "write_failure",
    "write_index",
]
