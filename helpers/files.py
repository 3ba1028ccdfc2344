"""Files written as a whole or not at all."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from helpers.errors import KitError


def replace(file: Path, content: str | bytes | None, *, where: str = "", right: str = "") -> None:
    """Replace a file in one step: whoever opens it sees the old one or the new one.

    Parameters
    ----------
    file : pathlib.Path
        The file; it need not exist.
    content : str or bytes or None
        What it shall hold, text as UTF-8; None only sees whether it could be written.
    where, right : str, optional
        What the error says instead of the file's name, and what would be right.

    Raises
    ------
    KitError
        If it cannot be written; then it is as it was.
    """
    try:
        if file.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        # Beside the file: only within one file system is a file replaced in one step.
        with TemporaryDirectory(dir=file.parent, prefix=".writing-") as folder:
            if content is not None:
                new = Path(folder) / file.name
                new.write_bytes(content.encode() if isinstance(content, str) else content)
                new.replace(file)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise KitError(
            f"cannot be written ({why})", where=where or str(file), right=right
        ) from None
