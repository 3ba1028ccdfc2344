"""The kernels that lessons run in: the Python that we are in, started anew or forked.

Most of what a short report takes is a kernel that starts and loads its libraries. `Forks` keeps
one process that has loaded them, and forks each kernel from it. Such a kernel has run no lesson
before; what it shares with others is loaded modules. It differs from a new one in that modules
are loaded which the lesson hasn't imported yet.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.report.lessons import load

if TYPE_CHECKING:
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

CAN_FORK = sys.platform == "linux"
"""Elsewhere, system libraries start threads when they are loaded, and don't survive a fork."""

_LONGEST_SOCKET_NAME = 90


class ForksGone(Exception):
    """The process that forks kernels has ended, or has threads and must not be forked."""


class Forks:
    """A process that forks kernels from itself.

    Parameters
    ----------
    imports : iterable of str
        What it loads: modules, and names in them, as `imports_of` returns them.
    """

    def __init__(self, imports: Iterable[str]) -> None:
        self._turn = threading.Lock()
        self._process = subprocess.Popen(
            [*_PYTHON, "-m", "helpers.report.fork_server", *imports],
            # jemalloc, within pyarrow, would begin a thread.
            env=os.environ | _environment() | {"JE_ARROW_MALLOC_CONF": "background_thread:false"},
            cwd=Path(__file__).anchor,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C is for whoever uses it.
            start_new_session=True,
        )

    def start(self, argv: list[str], *, cwd: str, env: Mapping[str, str]) -> Forked:
        """Start a kernel.

        Parameters
        ----------
        argv : list of str
            The arguments of ``ipykernel_launcher``.
        cwd : str
            Its folder.
        env : mapping of str to str
            Its environment.

        Returns
        -------
        Forked

        Raises
        ------
        ForksGone
            If there is nothing to fork from.
        """
        number = self.ask({"argv": argv, "cwd": cwd, "env": dict(env)})
        if not number:
            raise ForksGone
        return Forked(self, number)

    def ask(self, request: Mapping[str, object]) -> Any:
        """Send a request and return the answer.

        Parameters
        ----------
        request : mapping of str to object
            As `helpers.report.fork_server` describes it.

        Returns
        -------
        int or None

        Raises
        ------
        ForksGone
            If nobody answers.
        """
        assert self._process.stdin
        assert self._process.stdout
        with self._turn:
            try:
                print(json.dumps(request), file=self._process.stdin, flush=True)
                return json.loads(self._process.stdout.readline())
            except (OSError, ValueError):
                raise ForksGone from None

    def is_alive(self) -> bool:
        """Say whether there is a process to fork from.

        Returns
        -------
        bool
        """
        return self._process.poll() is None

    def close(self) -> None:
        """End the process, and all kernels with it."""
        assert self._process.stdin
        assert self._process.stdout
        with suppress(OSError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


class Forked:
    """A forked kernel: what jupyter_client asks of a process.

    Parameters
    ----------
    forks : Forks
        What it was forked from.
    number : int
        Its process id.
    """

    stdin = stdout = stderr = None

    def __init__(self, forks: Forks, number: int) -> None:
        self._forks = forks
        self._status: int | None = None
        self.pid = number

    def poll(self) -> int | None:
        """Return its exit status, or None while it runs.

        Returns
        -------
        int or None
        """
        if self._status is None:
            try:
                self._status = self._forks.ask({"poll": self.pid})
            except ForksGone:
                self._status = 1
        return self._status

    wait = poll

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended.

        Parameters
        ----------
        number : int
            The signal.
        """
        if self.poll() is None:
            os.kill(self.pid, number)


def imports_of(lessons: Iterable[Path]) -> list[str]:
    """Return what lessons import.

    Parameters
    ----------
    lessons : iterable of pathlib.Path
        Their notebooks; one that cannot be read is passed over.

    Returns
    -------
    list of str
        Modules, and names in them that may be modules: ``pandas``, ``helpers:audit``.
    """
    found: dict[str, None] = {}
    for lesson in lessons:
        for cell in load(lesson).cells:
            # What isn't Python alone, such as a line for IPython, is passed over.
            with suppress(SyntaxError, ValueError):
                tree = ast.parse(cell.source if cell.cell_type == "code" else "")
                found |= dict.fromkeys(name for node in ast.walk(tree) for name in _named(node))
    return list(found)


def _named(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [each.name for each in names]
        case ast.ImportFrom(module=str(module), names=names, level=0):
            return [f"{module}:{each.name}" for each in names if each.name != "*"]
    return []


def manager(
    cwd: Path, *, files: Path, forks: Forks | None = None, extension: str = ""
) -> type[AsyncKernelManager]:
    """Return a kernel manager that runs the interpreter we are in.

    A kernel named ``python3`` that someone registered may be another one, without our packages.

    Parameters
    ----------
    cwd : pathlib.Path
        The folder that the kernel runs in.
    files : pathlib.Path
        A folder for what is needed to talk to it.
    forks : Forks, optional
        What to fork it from, as long as that can be; by default it is started anew.
    extension : str, optional
        An extension of IPython that the kernel loads first.

    Returns
    -------
    type
        A class, as nbclient takes it.
    """
    from jupyter_client.manager import AsyncKernelManager
    from jupyter_client.provisioning.local_provisioner import LocalProvisioner

    class Provisioner(LocalProvisioner):
        async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
            if forks:
                with suppress(ForksGone):
                    argv = cmd[cmd.index("ipykernel_launcher") + 1 :]
                    process = forks.start(argv, cwd=str(cwd), env=kwargs["env"])
                    # It has what is asked of a Popen.
                    self.process = process  # type: ignore[assignment]
                    self.pid = self.pgid = process.pid
                    return self.connection_info
            return await super().launch_kernel(cmd, **kwargs | {"cwd": str(cwd)})

    class Manager(AsyncKernelManager):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.connection_file = str(files / "kernel.json")
            # A port can be taken by another kernel between our choice and its use.
            if CAN_FORK and len(self.connection_file) < _LONGEST_SOCKET_NAME:
                self.transport = "ipc"
            self.provisioner = Provisioner(kernel_spec=self.kernel_spec, parent=self)

        @property
        def kernel_spec(self) -> KernelSpec:
            from ipykernel.kernelspec import get_kernel_dict
            from jupyter_client.kernelspec import KernelSpec

            # Else the kernel prints across the progress bar, such as that others could listen.
            options = ["--log-level=ERROR"]
            if extension:
                options.append(f"--IPKernelApp.extra_extensions={extension}")
            spec = get_kernel_dict(options)
            return KernelSpec(**spec, env=_environment())

    return Manager


_PYTHON = [sys.executable, "-Xfrozen_modules=off"]


def _environment() -> dict[str, str]:
    # `import helpers` must work in a lesson even where the kit is run without being installed.
    here = str(Path(__file__).resolve().parents[2])
    search = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
    return {
        "PYTHONPATH": search,
        # One order of sets and of sums in every run, so that two reports are the same.
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
    }
