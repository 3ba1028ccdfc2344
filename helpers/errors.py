"""The errors a reader can act on: what is wrong, where, and what would be right."""

from __future__ import annotations

from functools import partial


class KitError(Exception):
    """Something a reader can put right.

    Parameters
    ----------
    what : str
        What is wrong, as a phrase without a full stop.
    where : str, optional
        The file, row, parameter or patient concerned.
    right : str, optional
        What would be right.

    Examples
    --------
    >>> str(KitError("given 'seven'", where="venetoclax_days", right="a whole number from 1 to 42"))
    "venetoclax_days: given 'seven'; right would be: a whole number from 1 to 42"
    """

    def __init__(self, what: str, *, where: str = "", right: str = "") -> None:
        super().__init__(what, where, right)
        self.what = what
        self.where = where
        self.right = right

    def __reduce__(self) -> tuple[object, ...]:
        # Without it, an error couldn't come back from another process.
        return partial(type(self), self.what, where=self.where, right=self.right), ()

    def __str__(self) -> str:
        start = f"{self.where}: " if self.where else ""
        end = f"; right would be: {self.right}" if self.right else ""
        return f"{start}{self.what}{end}"

    def _render_traceback_(self) -> list[str]:
        """Let Jupyter show the message alone: the reader's input is wrong, not the kit's code."""
        return [f"{type(self).__name__}: {self}"]


class DataError(KitError):
    """A file of a paper folder that cannot be used as it is."""


class QueryError(KitError):
    """A cohort expression that cannot be read."""


class ParameterError(KitError):
    """A parameter outside of what a lesson allows.

    Parameters
    ----------
    faults : list of KitError
        One per wrong parameter; each becomes one line of the message.
    """

    def __init__(self, faults: list[KitError]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.faults,)


class MissingToolError(KitError):
    """A program outside Python that a command needs and cannot find."""


class LessonError(KitError):
    """A lesson that stopped at one of its cells."""
