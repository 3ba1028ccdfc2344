"""Run the benchmarks: print the CSV and write it to benchmarks/results.csv.

    python -m benchmarks [NAME ...]

With names, only those are run, and the file is left as it is.
"""

import sys
from pathlib import Path

import benchmarks.cases  # noqa: F401 (it registers them)
from benchmarks.harness import REGISTERED, as_csv, write

RESULTS = Path(__file__).with_name("results.csv")


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; return the exit status."""
    known = {bench.name: bench for bench in REGISTERED}
    if unknown := [name for name in names if name not in known]:
        print(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    text = as_csv([known[name] for name in names] or REGISTERED)
    print(text, end="")
    if not names:
        write(text, RESULTS)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
