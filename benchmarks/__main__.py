"""Run the benchmarks: print the CSV and write it to benchmarks/results.csv.

    python -m benchmarks [NAME ...]

Then the same for benchmarks/scaling.csv. With names, only those are run and the files are left
as they are; the second one's name is `scaling`.
"""

import sys
from pathlib import Path

import benchmarks.audit_cases
import benchmarks.cases
import benchmarks.panel_cases
import benchmarks.report_cases
import benchmarks.survival_cases  # noqa: F401 (they register themselves)
from benchmarks import scaling
from benchmarks.harness import REGISTERED, as_csv, write

RESULTS = Path(__file__).with_name("results.csv")
SCALING = Path(__file__).with_name("scaling.csv")


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; return the exit status."""
    known = {bench.name: bench for bench in REGISTERED}
    if unknown := [name for name in names if name not in (*known, "scaling")]:
        there_are = ", ".join([*known, "scaling"])
        print(f"unknown: {', '.join(unknown)}; there are {there_are}", file=sys.stderr)
        return 2
    chosen = [known[name] for name in names if name in known] if names else REGISTERED
    if chosen:
        text = as_csv(chosen)
        print(text, end="")
        if not names:
            write(text, RESULTS)
    if not names or "scaling" in names:
        text = scaling.as_csv()
        print(text, end="")
        if not names:
            write(text, SCALING)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
