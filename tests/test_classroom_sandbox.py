"""Code that means harm, confined: each piece is really run, in an interpreter of its own.

As whoever runs the tests, and as somebody without any rights; and, where nothing can be isolated,
as a teacher who asks for that.
"""

import errno
import json
import os
import platform
import shutil
import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

ROOT = Path(__file__).parents[1]
ASIDE = """
import json, multiprocessing, sys, tempfile
from pathlib import Path
from helpers import paths
from helpers.classroom import sandbox
from helpers.classroom.sandbox import Limits, Walls

data = paths.root() / "data"
hidden = tuple(data.glob("*/exercises.toml"))
limits = Limits({seconds}, {megabytes})

def work(send):
    import os
{code}

def run(walls, connection):
    connection.send(sandbox.run(work, limits=limits, walls=walls))

def ask(walls, connection):
    connection.send(sandbox.why_not(walls, limits))

def aside(what, walls):
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=what, args=(walls, theirs))
    process.start()
    theirs.close()
    answer = ours.recv()
    process.join()
    return answer

with tempfile.TemporaryDirectory() as folder:
    walls = Walls(Path(folder), (data, Path(sandbox.__file__).parents[1]), hidden)
    why_not = aside(ask, walls)
    outcome = aside(run, walls if {walled} else None)
    left = list(Path(folder).iterdir())
assert not left, left
print(json.dumps([why_not, outcome.sent, outcome.ended]))
"""
# From a superuser to an ordinary one, who must be able to reach Python wherever that is.
BASE = Path(sys.base_prefix)
TOP = Path(*BASE.parts[:2])
BECOME = f"""
mount --bind {BASE} /mnt && mount -t tmpfs -o mode=755 tmpfs {TOP} && mkdir -p {BASE} &&
mount --move /mnt {BASE} && exec setpriv --reuid=41000 --regid=41000 --clear-groups "$@"
"""
ANYBODY = ()
if os.geteuid() == 0:
    ANYBODY = ("setpriv", "--reuid=41000", "--regid=41000", "--clear-groups")
    if Path("/usr") != TOP:
        ANYBODY = ("unshare", "--mount", "sh", "-c", BECOME, "-")
WITHOUT_RIGHTS = (
    *ANYBODY,
    *("unshare", "--user", "--map-root-user", "sh", "-c"),
    'echo 0 > /proc/sys/user/max_user_namespaces; exec setpriv --bounding-set=-all "$@"',
    "-",
)


def possible(prefix):
    """Say whether a command can be run in that way."""
    python = [*prefix, sys.executable, "-c", "import psutil"]
    return not prefix or (
        shutil.which(prefix[0]) and not subprocess.run(python, check=False).returncode
    )


def confined(code, *, prefix=(), seconds=20, megabytes=400, walled=True):
    """Run code in the sandbox; return what it sent, and how it was ended."""
    if not possible(prefix):
        pytest.skip(f"not possible here: {' '.join(prefix)}")
    script = ASIDE.format(
        code=textwrap.indent(textwrap.dedent(code), "    "),
        seconds=seconds,
        megabytes=megabytes,
        walled=walled,
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SECRET": "of the teacher"}
    done = subprocess.run(
        [*prefix, sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    why_not, sent, ended = json.loads(done.stdout)
    if walled and why_not and prefix in ((), ANYBODY):
        pytest.skip(f"nothing can be isolated here: {why_not}")
    return [json.loads(line) for line in sent], ended


whoever = pytest.mark.parametrize("prefix", [(), ANYBODY], ids=["as we are", "as anybody"])
LOOK = """
import json, socket
from helpers import paths
def tried(what):
    try:
        what()
    except OSError as error:
        return type(error).__name__
    return "done"
kit = paths.root()
send(json.dumps({
    "processes": [name for name in os.listdir("/proc") if name.isdigit()],
    "top": sorted(os.listdir("/")),
    "kit": sorted(os.listdir(kit)),
    "recipes": [file.read_text() for file in kit.glob("data/*/exercises.toml")],
    "patients": len((kit / "data/alal_nos/patients.csv").read_text()),
    "home": [os.getcwd(), os.environ["HOME"], os.environ.get("SECRET", "")],
    "in the kit": tried(lambda: (kit / "data" / "new").touch()),
    "in Python": tried(lambda: (kit / "helpers" / "new").touch()),
    "at the top": tried(lambda: open("/new", "w")),
    "at home": tried(lambda: open("new", "w")),
    "network": tried(lambda: socket.create_connection(("127.0.0.1", 9), 5)),
    "root": os.geteuid() == 0,
    "rights": [line.split()[1] for line in open("/proc/self/status") if line[:6] == "CapEff"],
}))
"""


@whoever
def test_what_can_be_seen_and_done(prefix):
    (seen,), ended = confined(LOOK, prefix=prefix)
    assert not ended
    assert seen["processes"] == ["1"]
    assert "home" not in seen["top"]
    assert ".git" not in seen["kit"]
    assert set(seen["kit"]) >= {"data", "helpers"}
    assert seen["recipes"]
    assert not any(seen["recipes"])
    assert seen["patients"] > 1000
    assert seen["home"] == ["/tmp/home", "/tmp/home", ""]
    assert [seen[f"in {place}"] for place in ("the kit", "Python")] == ["OSError"] * 2
    assert seen["at the top"] == "OSError"
    assert seen["at home"] == "done"
    assert seen["network"] == "OSError"
    assert not seen["root"]
    assert seen["rights"] == ["0" * 16]


ENDS = {
    "endless": ("while True: pass", {"seconds": 3}, "stopped after 3 seconds"),
    "sleeping": ("import time; time.sleep(1000)", {"seconds": 3}, "stopped after 3 seconds"),
    "leaving": ("os._exit(3)", {}, "ended itself, with exit status 3"),
    "crashing": ("import ctypes; ctypes.string_at(0)", {}, "crashed (SIGSEGV)"),
    "eating": (
        "eaten = []\nwhile True: eaten.append(bytearray(10**7))",
        {"megabytes": 100},
        "failed (MemoryError)",
    ),
    "eating together": (
        """
        for _ in range(6):
            if not os.fork():
                eaten = b"x" * (50 * 10**6)
                while True: pass
        while True: pass
        """,
        {"megabytes": 100},
        "stopped: it used more than 100 MB of memory",
    ),
    "eating what others share": (
        """
        import mmap, time
        for _ in range(3):
            if not os.fork():
                shared = mmap.mmap(-1, 50 * 10**6)
                shared.write(b"x" * len(shared))
                os.fork()
                time.sleep(15)
        time.sleep(15)
        """,
        {"megabytes": 100},
        "stopped: it used more than 100 MB of memory",
    ),
    # A tree of 256 at the most, all asleep: where nothing bounds it, this test does no harm.
    "forking": (
        """
        import time
        for _ in range(8):
            try:
                os.fork()
            except OSError:
                pass
        time.sleep(5)
        """,
        {},
        "stopped: it started more than 8 processes",
    ),
    "telling": ("while True: send('7' * 1000)", {}, "stopped: it sent too much"),
}


@whoever
@pytest.mark.parametrize("kind", ENDS)
def test_what_takes_too_much_is_ended(kind, prefix):
    code, limits, why = ENDS[kind]
    assert confined(code, prefix=prefix, **limits)[1] == why


FORKS = """
import time
begun = 0
for _ in range(40):
    try:
        if not os.fork():
            time.sleep(3)
            os._exit(0)
        begun += 1
    except BlockingIOError:
        pass
send(f"{begun}")
"""


@whoever
def test_the_system_itself_bounds_how_many_processes_there_are(prefix):
    """Not whoever watches, who may come late: with itself, and one at most that ends just then."""
    (begun,), _ = confined(FORKS, prefix=prefix)
    assert 8 <= begun <= 15


REFUSED = """
import ctypes, socket
system = ctypes.CDLL(None, use_errno=True)
def tried(what):
    try:
        what()
    except OSError as error:
        return error.errno
    return 0
def called(name, *arguments):
    return 0 if getattr(system, name)(*arguments) >= 0 else ctypes.get_errno()
send(json.dumps({
    "memory in a file": tried(lambda: os.memfd_create("x")),
    "memory of nobody": called("shmget", 0, ctypes.c_size_t(10**6), 0o1600),
    "users of its own": called("unshare", 0x10000000),
    "mounts of its own": called("unshare", 0x00020000),
    "users of a child": called("syscall", *map(ctypes.c_long, (CLONE, 0x10000011, 0, 0, 0, 0))),
    "machine": tried(lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)),
    "internet": tried(lambda: socket.socket()),
    "within": tried(lambda: socket.socketpair()),
    "socket in a file": tried(lambda: socket.socket(socket.AF_UNIX)),
    "process": tried(lambda: os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)),
}))
"""


@pytest.mark.parametrize(
    ("prefix", "walled"), [((), True), (ANYBODY, True), (WITHOUT_RIGHTS, False)]
)
def test_what_the_system_refuses(prefix, walled):
    """Memory that no process has, rights over a world of its own, and ways out of the machine."""
    clone = {"x86_64": 56}.get(platform.machine(), 220)
    code = "import json\n" + REFUSED.replace("CLONE", str(clone))
    (seen,), ended = confined(code, prefix=prefix, walled=walled)
    assert not ended
    places = ("memory in a file", "memory of nobody", "users of its own", "mounts of its own")
    assert {seen[each] for each in (*places, "users of a child")} == {errno.EPERM}
    assert {seen[each] for each in ("machine", "internet")} == {errno.ENETUNREACH}
    assert {seen[each] for each in ("within", "socket in a file", "process")} == {0}


GOES_ON = {
    "printing": "for _ in range(300): os.write(1, b'x' * 10**6)",
    "filling": """
        for number in range(100):
            try:
                with open(f"{number}", "wb") as file: file.write(b"x" * 10**7)
            except OSError:
                pass
        """,
    "deleting": """
        import shutil
        from helpers import paths
        shutil.rmtree(paths.root(), ignore_errors=True)
        assert (paths.root() / "data" / "alal_nos" / "patients.csv").is_file()
        """,
    "killing": """
        for number in (-1, 0, os.getppid(), *range(2, 3000)):
            try:
                os.kill(number, 9)
            except OSError:
                pass
        """,
    "leaving a child": """
        if not os.fork():
            os.setsid()
            while True: pass
        """,
    "printing an end": "os.write(3, b'.\\n'); os.write(4, b'.\\n')",
}


@whoever
@pytest.mark.parametrize("kind", GOES_ON)
def test_what_does_no_harm_goes_on(kind, prefix):
    code = "try:\n    " + textwrap.indent(textwrap.dedent(GOES_ON[kind]), "    ").strip()
    # By this its processes are told from those of other tests.
    mark = uuid4().hex
    code += f"\nexcept OSError:\n    pass\nsend('7')  # {mark}"
    assert confined(code, prefix=prefix) == ([7], "")
    assert not [each for each in processes() if mark in each]


def processes():
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            yield file.read_bytes().replace(b"\0", b" ").decode(errors="replace")


def test_where_nothing_can_be_isolated_that_is_told_and_nothing_run():
    sent, ended = confined("send('7')", prefix=WITHOUT_RIGHTS)
    assert sent == []
    assert ended.startswith("can't be isolated here (unshare: ")


@pytest.mark.parametrize(
    "kind",
    ["endless", "leaving", "crashing", "eating together", "forking", "telling", "leaving a child"],
)
def test_without_walls_there_are_limits_still(kind):
    code, limits, why = ENDS.get(kind) or (GOES_ON[kind], {}, "")
    assert confined(code, prefix=WITHOUT_RIGHTS, walled=False, **limits)[1] == why


@pytest.mark.skipif(os.geteuid() != 0, reason="only a superuser can be spared a limit")
def test_a_superuser_whom_nothing_limits_is_refused():
    """In a container, say, that lets him become nobody else."""
    prefix = ("setpriv", "--bounding-set=-all")
    for walled in (True, False):
        sent, ended = confined("send('7')", prefix=prefix, walled=walled)
        assert sent == []
        assert ended.startswith("can't be isolated here (")


def test_without_walls_nothing_connects_by_accident():
    code = """
        import socket
        try:
            socket.create_connection(("127.0.0.1", 9), 5)
        except PermissionError as error:
            send(f'"{error}"')
        """
    sent, ended = confined(code, walled=False, prefix=WITHOUT_RIGHTS)
    assert sent == ["there is no network while a notebook is graded"]
    assert not ended
