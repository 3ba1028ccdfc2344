"""What another program said, made fit for a message of ours."""

from __future__ import annotations


def one_line(text: str, longest: int = 300) -> str:
    """Return a text as one line, cut where it is long.

    Parameters
    ----------
    text : str
        Any text.
    longest : int, optional
        The most characters.

    Returns
    -------
    str

    Examples
    --------
    >>> one_line("cannot open    the display", longest=16)
    'cannot open the…'
    """
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
