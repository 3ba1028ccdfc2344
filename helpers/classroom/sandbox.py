"""Where code runs that nobody vouches for: without network, files or processes of others.

On Linux a piece of work gets namespaces of its own [1]_. It sees no other process, and when it
ends so does all that it began. There is no network. Of the file system it sees what Python needs,
and can write to a small folder in memory alone, which is its home. Time and memory are bounded, and
the number of processes is by the system itself: whoever watches may come too late.

Where namespaces aren't to be had, `why_not` says so. The bounds can still be set, but work that
means harm can get round them, so it is for the teacher to ask for that.

References
----------
.. [1] namespaces(7), user_namespaces(7), pivot_root(2), mount_setattr(2), setrlimit(2) of the
   Linux manual pages.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import select
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from helpers.classroom import system_calls

Send = Callable[[str], None]

HOME = Path("/tmp/home")
"""The folder that confined work can write to, where it is isolated."""

# What the work writes down its pipe: a line that it sends, that it couldn't go on, its end.
_SENT, _FAULT, _DONE = "+", "!", "."
_NOT_ISOLATED = "can't be isolated here"

_MB = 1 << 20
_MOST_SENT = _MB
_MOST_WRITTEN = 64 * _MB
_MOST_FILES = 128
# The system's own bound, of processes and their threads; and when to end what gets near it.
_MOST_TASKS, _MANY_PROCESSES = 16, 8
_FIRST_USER, _USERS = 40_000, 15_000
_LOOK_EVERY = 0.1  # seconds

# <sched.h>, <sys/mount.h>, <sys/prctl.h>, <linux/mount.h>, <linux/capability.h>
_NEW_MOUNTS, _NEW_NAMES, _NEW_IPC = 0x00020000, 0x04000000, 0x08000000
_NEW_USER, _NEW_PROCESSES, _NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000
_NOSUID, _NODEV, _BIND, _RECURSIVE, _PRIVATE = 0x2, 0x4, 0x1000, 0x4000, 0x40000
_DETACH = 0x2
_END_WITH_PARENT, _ADOPT, _NO_NEW_PRIVILEGES = 1, 36, 38
_MOUNT_SETATTR, _READ_ONLY, _AT_RECURSIVE, _AT_CWD = 442, 0x1, 0x8000, -100
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41}
_CAPABILITIES = 0x20080522

# What may be left of the environment: no token of the teacher's.
_KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TRIAL_BY_NOTEBOOK", "MPLBACKEND")
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt")
_SETTINGS = (
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/alternatives",
    "/etc/mime.types",
)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


@dataclass(frozen=True)
class Limits:
    """How much a piece of work may take.

    Attributes
    ----------
    seconds : float
        From its beginning to its end.
    megabytes : int
        Memory beyond what the process had at the beginning, of all its processes together.
    """

    seconds: float = 30
    megabytes: int = 1024


@dataclass(frozen=True)
class Outcome:
    """What became of a piece of work.

    Attributes
    ----------
    sent : tuple of str
        What it sent, in order.
    ended : str
        How it was ended, in words; empty if it came to its end by itself.
    """

    sent: tuple[str, ...] = ()
    ended: str = ""


@dataclass(frozen=True)
class Walls:
    """What isolated work can see.

    Attributes
    ----------
    root : pathlib.Path
        An empty folder on which its file system is built; nothing is ever written there.
    readable : tuple of pathlib.Path
        Folders that it can read besides Python's own.
    hidden : tuple of pathlib.Path
        Files in these that are empty for it.
    """

    root: Path
    readable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()


def run(work: Callable[[Send], None], *, limits: Limits, walls: Walls | None) -> Outcome:
    """Run a piece of work in a process of its own, and wait for it.

    The process that calls this gives up being able to start others like itself: call it in one
    that was forked for it.

    Parameters
    ----------
    work : callable
        Gets a function that sends a line of text back.
    limits : Limits
        How much it may take.
    walls : Walls or None
        What it can see; None for no isolation, only limits.

    Returns
    -------
    Outcome
    """
    try:
        os.setsid()
        end_with_parent()
        if sys.platform == "linux":
            # So that what the work leaves behind comes to us, and can be ended.
            _libc("prctl", _ADOPT, 1, 0, 0, 0)
        if walls:
            _unshare_processes()
    except OSError as error:
        return Outcome(ended=f"{_NOT_ISOLATED} ({error.filename}: {error.strerror})")
    user = _another_user()
    with tempfile.TemporaryDirectory(prefix="graded-", ignore_cleanup_errors=True) as folder:
        home = HOME if walls else Path(folder)
        try:
            if user:
                os.chown(folder, user, user)
        except OSError as error:
            return Outcome(ended=f"{_NOT_ISOLATED} (chown: {error.strerror})")
        read_end, write_end = os.pipe()
        process = os.fork()
        if not process:
            os.close(read_end)
            _be_the_work(work, write_end, limits, walls, home=home, user=user)
        os.close(write_end)
        try:
            received, ended = _watch(process, read_end, limits)
        finally:
            status = _end(process, alone=walls is not None)
            os.close(read_end)
    *lines, _ = received.decode("utf-8", "replace").split("\n")
    faults = [line[1:] for line in lines if line[:1] == _FAULT]
    if not ended and _DONE not in lines:
        ended = faults[0][:200] if faults else _how(status)
    return Outcome(tuple(line[1:] for line in lines if line[:1] == _SENT), ended)


def why_not(walls: Walls, limits: Limits) -> str:
    """Try whether work can be isolated here; call it in a process that was forked for it.

    Parameters
    ----------
    walls : Walls
        What the work shall see.
    limits : Limits
        How much it may take.

    Returns
    -------
    str
        What stands in the way; empty if nothing does.
    """
    if sys.platform != "linux":
        return f"{platform.system()} has no namespaces"
    outcome = run(lambda send: send("here"), limits=limits, walls=walls)
    if outcome == Outcome(("here",)):
        return ""
    reason = outcome.ended.removeprefix(f"{_NOT_ISOLATED} (").removesuffix(")")
    return reason or "it doesn't answer"


def end_with_parent() -> None:
    """See to it that this process ends when the one that started it does."""
    if sys.platform == "linux":
        _libc("prctl", _END_WITH_PARENT, signal.SIGKILL, 0, 0, 0)


def _unshare_processes() -> None:
    """Let the next process be the first of a world of its own."""
    try:
        _libc("unshare", _NEW_PROCESSES)
    except PermissionError:
        # Not for us as we are, but perhaps as one who has users of his own.
        user, group = os.getuid(), os.getgid()
        _libc("unshare", _NEW_USER | _NEW_PROCESSES)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def _another_user() -> int | None:
    """Return whom a superuser's work becomes: the system counts processes by user, but not his.

    None if we aren't one, or only within a container that knows nobody else.
    """
    if os.geteuid() != 0:
        return None
    user = _FIRST_USER + os.getpid() % _USERS
    try:
        known = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    except OSError:  # not Linux: everybody is known
        return user
    return user if any(int(a) <= user < int(a) + int(n) for a, _, n in known) else None


def _be_the_work(
    work: Callable[[Send], None],
    write_end: int,
    limits: Limits,
    walls: Walls | None,
    *,
    home: Path,
    user: int | None,
) -> None:
    """Confine this process, do the work, and end; never return."""

    def send(text: str, kind: str = _SENT) -> None:
        os.write(write_end, f"{kind}{text}\n".encode("utf-8", "replace"))

    try:
        null = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(null, standard)
        os.closerange(3, write_end)
        os.closerange(write_end + 1, 4096)
        most = _size() + limits.megabytes * _MB
        # A signal to all of a session or group doesn't reach who watches.
        os.setsid()
        # Whoever watches goes first.
        os.nice(10)
        try:
            if walls:
                _wall_in(walls)
            else:
                _deny_network()
            _bound(limits, most, user)
            _give_up_rights(user)
            _see_that_it_holds()
            if sys.platform == "linux":
                system_calls.refuse()
            _go_home(home)
        except OSError as error:
            send(f"{_NOT_ISOLATED} ({error.filename}: {error.strerror})", _FAULT)
        else:
            work(send)
            send("", _DONE)
    except BaseException as error:
        with suppress(BaseException):
            send(f"failed ({type(error).__name__})", _FAULT)
    finally:
        os._exit(0)


def _wall_in(walls: Walls) -> None:
    """Change into a file system of its own, without network."""
    _libc("unshare", _NEW_MOUNTS | _NEW_NETWORK | _NEW_IPC | _NEW_NAMES)
    # What is mounted from here on stays here.
    _mount(None, Path("/"), None, _RECURSIVE | _PRIVATE)
    root = walls.root
    _mount("tmpfs", root, "tmpfs", _NOSUID | _NODEV, "size=1m,mode=755")
    for name in ("proc", "tmp"):
        (root / name).mkdir()
    _mount("tmpfs", root / "tmp", "tmpfs", _NOSUID | _NODEV, f"size={_MOST_WRITTEN},mode=1777")
    _show(root, [*map(Path, (*_SYSTEM, *_SETTINGS, *_DEVICES)), *_python(), *walls.readable])
    for file in walls.hidden:
        _mount("/dev/null", _inside(root, file), None, _BIND)
    _set_read_only(root, True)
    _set_read_only(root / "tmp", False)
    # Within a container its proc may be out of bounds; Python does without.
    with suppress(OSError):
        _mount("proc", root / "proc", "proc", _NOSUID | _NODEV)
    os.chdir(root)
    _libc("syscall", ctypes.c_long(_PIVOT_ROOT[platform.machine()]), b".", b".")
    _libc("umount2", b".", _DETACH)
    os.chdir("/")
    HOME.mkdir(parents=True, exist_ok=True)
    HOME.chmod(0o777)


def _python() -> list[Path]:
    """Return where Python and its packages are."""
    packages = [Path(each) for each in sys.path if Path(each).name.endswith("-packages")]
    return [Path(sys.prefix), Path(sys.base_prefix), *packages]


def _show(root: Path, wanted: Iterable[Path]) -> None:
    """Let what is wanted be seen where it is, below another root."""
    shown: list[Path] = []
    places = [each for place in wanted for each in (place, place.resolve())]
    for path in sorted(set(places)):
        if not path.exists() or any(path.is_relative_to(each) for each in shown):
            continue
        inside = _inside(root, path)
        inside.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            inside.symlink_to(path.readlink())
            continue
        if path.is_dir():
            inside.mkdir(exist_ok=True)
        else:
            inside.touch()
        _mount(str(path), inside, None, _BIND | _RECURSIVE)
        shown.append(path)


def _inside(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


def _deny_network() -> None:
    """Refuse connections, to code that doesn't try to get round it."""

    def refuse(event: str, _arguments: Sequence[Any]) -> None:
        if event in ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo"):
            raise PermissionError("there is no network while a notebook is graded")

    sys.addaudithook(refuse)


def _bound(limits: Limits, most: int, user: int | None) -> None:
    """Set limits that a process and those that it starts can't raise."""
    bounds = {
        "RLIMIT_AS": most,
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": int(limits.seconds) + 2,
        "RLIMIT_FSIZE": _MOST_WRITTEN,
        "RLIMIT_NOFILE": _MOST_FILES,
        # A user who is made for this has no process yet.
        "RLIMIT_NPROC": _MOST_TASKS + (0 if user else _threads_of_user()),
    }
    for name, bound in bounds.items():
        if number := getattr(resource, name, None):
            with suppress(ValueError):  # one that is lower already
                resource.setrlimit(number, (bound, bound))


def _threads_of_user() -> int:
    """Count what counts against the limit of processes already; none where we are walled in."""
    count = 0
    for each in psutil.process_iter():
        with suppress(psutil.Error):
            count += each.num_threads() if each.uids().real == os.getuid() else 0
    return count


def _give_up_rights(user: int | None) -> None:
    """Become a user who may do nothing, or stay who we are without any privilege; for good."""
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    if sys.platform == "linux":
        if user is None:
            nothing = (ctypes.c_uint32 * 6)()
            _libc("capset", ctypes.byref((ctypes.c_uint32 * 2)(_CAPABILITIES, 0)), nothing)
        _libc("prctl", _NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        # Forgotten with the user.
        end_with_parent()


def _see_that_it_holds() -> None:
    """Refuse where the number of processes isn't limited, as for some superusers it never is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, hard))
    try:
        if not os.fork():
            os._exit(0)
    except BlockingIOError:
        resource.setrlimit(resource.RLIMIT_NPROC, (soft, hard))
    else:
        raise OSError(0, "the number of processes has no limit", "fork")
    if not os.access(os.__file__, os.R_OK):
        raise OSError(0, "it isn't for everybody to read", sys.prefix)


def _go_home(home: Path) -> None:
    """Leave the place and the environment of whoever began this."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.endswith("_NUM_THREADS")
    }
    os.environ.clear()
    os.environ.update(kept, HOME=str(home), TMPDIR=str(home))
    tempfile.tempdir = None
    os.chdir(home)


def _watch(process: int, read_end: int, limits: Limits) -> tuple[bytes, str]:
    """Collect what is sent until the work ends, or takes too much; then say of what."""
    received = bytearray()
    deadline = time.monotonic() + limits.seconds
    while True:
        ready, _, _ = select.select([read_end], [], [], _LOOK_EVERY)
        if ready:
            piece = os.read(read_end, 65536)
            received += piece
            if not piece:
                return bytes(received), ""
            if len(received) > _MOST_SENT:
                return bytes(received), "stopped: it sent too much"
        elif os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            # Ended, but what it started still holds the pipe.
            return bytes(received), ""
        if time.monotonic() > deadline:
            return bytes(received), f"stopped after {limits.seconds:g} seconds"
        if too_much := _too_much(process, limits):
            return bytes(received), f"stopped: it {too_much}"


def _too_much(process: int, limits: Limits) -> str:
    try:
        first = psutil.Process(process)
        family = [first, *first.children(recursive=True)]
    except psutil.Error:
        return ""
    if len(family) > _MANY_PROCESSES:
        return f"started more than {_MANY_PROCESSES} processes"
    used = 0
    for each in family:
        with suppress(psutil.Error):
            used += _memory(each)
    if used > limits.megabytes * _MB:
        return f"used more than {limits.megabytes} MB of memory"
    return ""


def _memory(process: psutil.Process) -> int:
    """Return bytes of its own: what it shares with the lesson it was forked from costs nothing."""
    own: int = process.memory_full_info().uss
    try:
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return own
    # What it shares with processes that it started: each has its part.
    shared = [line.split()[1] for line in lines if line.startswith("Pss_Shmem:")]
    return max(own, *(1024 * int(each) for each in shared), 0)


def _end(process: int, *, alone: bool) -> int:
    """End a process with all that it started; return its status."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
        if not alone:
            os.killpg(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    # The first process of a world takes that world with it. Elsewhere they have to be hunted,
    # as each may start others while it can.
    while not alone and (left := psutil.Process().children(recursive=True)):
        for each in left:
            with suppress(psutil.Error):
                each.kill()
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    return status


def _how(status: int) -> str:
    if not os.WIFSIGNALED(status):
        return f"ended itself, with exit status {os.waitstatus_to_exitcode(status)}"
    number = os.WTERMSIG(status)
    if number == signal.SIGXCPU:
        return "stopped: it used too much processor time"
    return f"crashed ({signal.Signals(number).name})"


def _size() -> int:
    """Return how many bytes of addresses this process has."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def _libc(name: str, *arguments: Any) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)


def _mount(source: str | None, target: Path, kind: str | None, how: int, data: str = "") -> None:
    texts = [each and each.encode() for each in (source, str(target), kind)]
    _libc("mount", *texts, ctypes.c_ulong(how), data.encode() or None)


def _set_read_only(place: Path, on: bool) -> None:
    """Make all that is mounted at a place and below read-only, or the place alone writable."""
    change = (ctypes.c_uint64 * 4)(*((_READ_ONLY, 0) if on else (0, _READ_ONLY)), 0, 0)
    _libc(
        "syscall",
        ctypes.c_long(_MOUNT_SETATTR),
        _AT_CWD,
        str(place).encode(),
        _AT_RECURSIVE if on else 0,
        ctypes.byref(change),
        ctypes.c_size_t(ctypes.sizeof(change)),
    )
