"""Where work is done: in processes on this machine, or on the workers of a Dask scheduler."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from helpers.errors import KitError


@contextmanager
def executor(*, jobs: int, scheduler: str = "") -> Iterator[Executor]:
    """Give what carries out functions elsewhere, and end it afterwards.

    Parameters
    ----------
    jobs : int
        Processes on this machine.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``tcp://127.0.0.1:8786``, whose workers do it
        instead.

    Yields
    ------
    concurrent.futures.Executor

    Raises
    ------
    KitError
        If no scheduler answers at the address.
    """
    if scheduler:
        from distributed import Client

        try:
            client = Client(scheduler, timeout=10)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise KitError(
                f"no Dask scheduler answers at {scheduler}",
                where="scheduler",
                right="the address that `dask scheduler` printed, such as tcp://127.0.0.1:8786",
            ) from error
        with client:
            # A worker that dies costs what it was at: that goes to another one.
            yield client.get_executor(pure=False, retries=3)  # type: ignore[no-untyped-call]
    else:
        from joblib.externals.loky import ProcessPoolExecutor

        processes = ProcessPoolExecutor(jobs, initializer=_belong_to, initargs=(os.getpid(),))
        try:
            yield processes
        finally:
            processes.shutdown(kill_workers=True)


def start_sooner() -> None:
    """Leave out what takes a second whenever a process of ours first reads a notebook.

    jsonschema, within nbformat, else puts together a grammar of international addresses, for a
    check that notebooks have no use for.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def _belong_to(owner: int) -> None:
    """Leave it to the process that gives out the work when this one ends."""
    start_sooner()
    # A terminal sends Ctrl-C to all.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Killed, the owner can end nobody any more.
    threading.Thread(target=_end_with, args=(owner,), daemon=True).start()


def _end_with(owner: int) -> None:
    while os.getppid() == owner:
        time.sleep(1)
    os._exit(1)
