"""Run the checks, all of them even where one fails, and say at the end which did.

    python tools/check.py [CHECK ...] [-- PYTEST_ARGUMENT ...]

Without a name, all that `make test` runs. pre-commit names single ones.
"""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHECKS = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["mypy"],
    "docstrings": ["numpydoc", "lint", *map(str, sorted((ROOT / "helpers").rglob("*.py")))],
    "tests": ["pytest"],
}


def main(arguments: list[str]) -> int:
    """Run the named checks; return 1 if one failed, 2 for an unknown name."""
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    names, pytest_arguments = arguments[:cut] or list(CHECKS), arguments[cut + 1 :]
    if unknown := [name for name in names if name not in CHECKS]:
        print(f"unknown: {', '.join(unknown)}; the checks are {', '.join(CHECKS)}", file=sys.stderr)
        return 2

    failed = []
    times = []
    for name in names:
        print(f"\n== {name}", flush=True)
        command = [sys.executable, "-m", *CHECKS[name]]
        if name == "tests":
            command += pytest_arguments
        start = time.monotonic()
        if subprocess.run(command, cwd=ROOT).returncode:
            failed.append(name)
        times.append(f"{name} {time.monotonic() - start:.0f} s")
    print(f"\n{', '.join(times)}")
    print(f"FAILED: {', '.join(failed)}" if failed else "All is well.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
