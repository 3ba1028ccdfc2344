"""A process that has loaded what lessons import, and forks kernels from itself.

    python -m helpers.report.fork_server MODULE[:NAME] ...

Requests come on standard input and answers go to standard output, one line of JSON each:

=====================================  =================================================
``{"argv": [], "cwd": "", "env": {}}``  starts a kernel; answer: its process id
``{"poll": process id}``                answer: its exit status, or null while it runs
=====================================  =================================================

It ends when its input does, and its kernels with it. A kernel that is no more keeps its process
id until its status was asked for, so that a signal never meets another process.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO


def main(imports: list[str]) -> None:
    """Load modules, then serve requests until there are no more.

    Parameters
    ----------
    imports : list of str
        Modules, and names in them, which may be modules too: ``helpers:audit``.
    """
    # What a module prints when it is loaded is no answer.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # As ipykernel_launcher has it: a lesson finds its own folder, not ours.
    del sys.path[0]
    # What a kernel sets before anyone loads matplotlib.
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    for each in ["ipykernel.kernelapp", *imports]:
        module, _, name = each.partition(":")
        # Where it fails, the lesson fails, and tells it better.
        with suppress(Exception, SystemExit):
            __import__(module, fromlist=[name] if name else [])
    # Pages that nobody writes to are shared by all kernels.
    gc.collect()
    gc.freeze()
    running: set[int] = set()
    try:
        for line in sys.stdin:
            request = json.loads(line)
            if "poll" in request:
                answer = _status(request["poll"], running)
            else:
                answer = _forked(request, answers)
                running.add(answer)
            print(json.dumps(answer), file=answers, flush=True)
    finally:
        for kernel in running:
            with suppress(OSError):
                os.killpg(kernel, signal.SIGKILL)


def threads() -> int:
    """Return how many threads this process has, those of compiled libraries included.

    Returns
    -------
    int
    """
    return len(list(Path("/proc/self/task").iterdir()))


def _status(kernel: int, running: set[int]) -> int | None:
    ended, status = os.waitpid(kernel, os.WNOHANG)
    if not ended:
        return None
    running.discard(kernel)
    return os.waitstatus_to_exitcode(status)


def _forked(request: Mapping[str, Any], answers: TextIO) -> int:
    # A fork copies one thread; a lock that another one held would stay locked for ever.
    if threads() > 1:
        return 0
    kernel = os.fork()
    if kernel:
        return kernel
    try:
        _become_kernel(request, answers)
    finally:
        os._exit(1)


def _become_kernel(request: Mapping[str, Any], answers: TextIO) -> None:
    from ipykernel.kernelapp import IPKernelApp

    os.setsid()
    os.close(answers.fileno())
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    # Python seeds its own generator anew after a fork; numpy leaves that to us.
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()
    # The kernel keeps an eye on the process that it comes from, and ends with it.
    IPKernelApp.launch_instance([*request["argv"], f"--IPKernelApp.parent_handle={os.getppid()}"])
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
