"""Bars that show how far a command is; with each step it ends if it was told to.

Ctrl-C and SIGTERM raise an exception wherever the program happens to be, and Python drops an
exception in some places, such as a finaliser [1]_. A command would then go on as if nothing had
been said. So the signal is remembered, and the next step of a bar raises the exception again.

References
----------
.. [1] Python documentation, ``signal``: Note on Signal Handlers and Exceptions.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

from tqdm import tqdm

_told: list[int] = []


class Bar(tqdm):  # type: ignore[type-arg]
    """A bar of tqdm's; each step ends the command if it was told to.

    Raises
    ------
    KeyboardInterrupt, SystemExit
        At a step, if Ctrl-C or SIGTERM came before.
    """

    def __iter__(self) -> Iterator[Any]:
        """Go through what the bar is about."""
        for each in super().__iter__():
            _end_if_told()
            yield each

    def update(self, n: float | None = 1) -> bool | None:
        """Go on by some steps.

        Parameters
        ----------
        n : float, optional
            How many.

        Returns
        -------
        bool or None
            True if the bar was drawn.
        """
        _end_if_told()
        return super().update(n)


def end_when_told() -> None:
    """From now on, end on Ctrl-C and SIGTERM so that what is half done is cleared away."""
    # Of a command in the background a shell has Ctrl-C ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)
    signal.signal(signal.SIGTERM, _end)


def _end(number: int, _frame: object) -> None:
    _told.append(number)
    if number == signal.SIGTERM:
        # Told twice, we would leave the clearing away half done.
        signal.signal(number, signal.SIG_IGN)
    _end_if_told()


def _end_if_told() -> None:
    if _told:
        raise KeyboardInterrupt if _told[-1] == signal.SIGINT else SystemExit(128 + _told[-1])
