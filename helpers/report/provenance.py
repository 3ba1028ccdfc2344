"""How a report was made: when, from which files, and with which versions."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from helpers import paths
from helpers.report.lessons import Lesson

_PACKAGES = ("numpy", "pandas", "lifelines", "matplotlib", "great-tables", "papermill", "nbconvert")


def provenance(lesson: Lesson) -> dict[str, str]:
    """Say how a report on a lesson is made.

    Parameters
    ----------
    lesson : Lesson
        The lesson.

    Returns
    -------
    dict of str to str
        The time, versions, the git commit, and the SHA-256 of the lesson and of the data.
    """
    data = paths.root() / "data"
    files = [*data.glob("*"), *(data / lesson.paper).rglob("*")] if lesson.paper else []
    versions = [f"{name} {metadata.version(name)}" for name in _PACKAGES]
    made: dict[str, str] = {
        "made": now(),
        "kit": f"trial-by-notebook {_version()}",
        "commit": _commit(),
        "python": platform.python_version(),
        "packages": ", ".join(versions),
        "lesson": f"{lesson.path.name} sha256 {_sha256(lesson.path)}",
    }
    if files:
        made["data"] = "\n".join(
            f"{file.relative_to(data).as_posix()} sha256 {_sha256(file)}"
            for file in sorted(set(files))
            if file.is_file()
        )
    return made


def now() -> str:
    """Return the time to the second, in UTC.

    Returns
    -------
    str
        In the form of ISO 8601.
    """
    return datetime.now(UTC).isoformat(timespec="seconds")


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _version() -> str:
    try:
        return metadata.version("trial-by-notebook")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _commit() -> str:
    def git(*arguments: str) -> str:
        command = ["git", "--no-optional-locks", "-C", str(paths.root()), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = ", with uncommitted changes" if git("status", "--porcelain") else ""
        return git("rev-parse", "--verify", "HEAD") + changed
    except (OSError, subprocess.CalledProcessError):
        return "none"
