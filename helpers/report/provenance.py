"""How a report was made: when, from which files, and with which versions."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata

from helpers import paths
from helpers.report import inputs
from helpers.report.plans import Plan

CHANGED = "changed while this report was made"


def provenance(plan: Plan, *, digest: str) -> dict[str, str]:
    """Say how a report is made.

    Parameters
    ----------
    plan : Plan
        The lesson and its parameters.
    digest : str
        What `helpers.report.inputs.digest` gave before and after it ran; empty if these differ.

    Returns
    -------
    dict of str to str
        The time, versions, the git commit, and the SHA-256 of the lesson, of each file of its
        paper, and of each other paper's folder.
    """
    lesson = plan.lesson
    made: dict[str, str] = {
        "made": now(),
        "kit": f"trial-by-notebook {_version()}",
        "commit": _commit(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": ", ".join(f"{name} {version}" for name, version in inputs.versions().items()),
        "all inputs": f"sha256 {digest}…" if digest else CHANGED,
        "lesson": f"{lesson.path.name} sha256 {inputs.sha256(lesson.path)}",
    }
    if told := _data(lesson.paper):
        made["data"] = "\n".join(told)
    return made


def now() -> str:
    """Return the time to the second, in UTC.

    Returns
    -------
    str
        In the form of ISO 8601.
    """
    return datetime.now(UTC).isoformat(timespec="seconds")


def _data(paper: str) -> list[str]:
    """Tell each file of the lesson's paper, and the others by folder: lessons read these, too."""
    folder = paths.root() / "data"
    told, others = [], dict[str, list[str]]()
    for file in inputs.data():
        name, digest = file.relative_to(folder).as_posix(), inputs.sha256(file)
        owner = name.split("/")[0] if "/" in name else ""
        if owner in ("", paper):
            told.append(f"{name} sha256 {digest}")
        else:
            others.setdefault(owner, []).append(f"{digest}  {name}\n")
    for owner, lines in others.items():
        digest = hashlib.sha256("".join(lines).encode()).hexdigest()
        told.append(f"{owner}/ ({len(lines)} files) sha256 {digest}")
    return told


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
