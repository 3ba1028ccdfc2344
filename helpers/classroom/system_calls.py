"""What the system refuses to code that nobody vouches for, whatever its rights are.

Memory that belongs to no process, which a watcher of processes doesn't see; namespaces of its own,
in which it would be superuser; and sockets that leave the machine, of which some know no namespace.
The filter is seccomp's [1]_; processes that are started later have it as well.

References
----------
.. [1] seccomp(2), and Documentation/userspace-api/seccomp_filter.rst of Linux.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass

# <linux/filter.h>, <linux/seccomp.h>, <linux/sched.h>
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_KILL, _ERROR, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_NUMBER, _MACHINE, _FIRST_ARGUMENT = 0, 4, 16
_OTHER_NUMBERS = 0x40000000  # the same calls once more, with short addresses
_NEW_USERS, _UNIX = 0x10000000, 1
_SET_FILTER, _FILTER = 22, 2


@dataclass(frozen=True)
class _Machine:
    """The numbers that a kind of processor has for calls; <asm/unistd.h>."""

    kind: int
    clone: int
    clone3: int
    socket: int
    refused: tuple[int, ...]


# unshare, setns, mount, fsopen; memfd_create, memfd_secret, shmget, msgget, semget; keys; bpf,
# userfaultfd, io_uring_setup, which does other calls unseen
_COMMON = (430, 447, 425)
_GENERIC = (97, 268, 40, 279, 194, 186, 190, 217, 219, 280, 282, *_COMMON)
_MACHINES = {
    "x86_64": _Machine(
        0xC000003E, 56, 435, 41, (272, 308, 165, 319, 29, 68, 64, 248, 250, 321, 323, *_COMMON)
    ),
    "aarch64": _Machine(0xC00000B7, 220, 435, 198, _GENERIC),
    "riscv64": _Machine(0xC00000F3, 220, 435, 198, _GENERIC),
}


def refuse() -> None:
    """Have these calls refused to this process and all that it starts, for good.

    The process must have given up getting new privileges.

    Raises
    ------
    OSError
        If the system can't do so.
    """
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        raise OSError(errno.ENOSYS, "no filter for this processor", "seccomp")
    lines = _filter(machine)
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
    program = struct.pack("HxxxxxxQ", len(lines), ctypes.addressof(code))
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_SET_FILTER, _FILTER, program, 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "seccomp")


def _filter(machine: _Machine) -> list[tuple[int, int, int, int]]:
    """Return the program: of each line what it does, how many to skip if so or not, and a value."""
    no = _RETURN, 0, 0, _ERROR | errno.EPERM
    yes = _RETURN, 0, 0, _ALLOW
    unknown = _RETURN, 0, 0, _ERROR | errno.ENOSYS  # then libraries use clone instead
    unreachable = _RETURN, 0, 0, _ERROR | errno.ENETUNREACH
    argument = _LOAD, 0, 0, _FIRST_ARGUMENT
    return [
        *((_LOAD, 0, 0, _MACHINE), (_EQUAL, 1, 0, machine.kind), (_RETURN, 0, 0, _KILL)),
        *((_LOAD, 0, 0, _NUMBER), (_AT_LEAST, 0, 1, _OTHER_NUMBERS), no),
        *(line for each in machine.refused for line in ((_EQUAL, 0, 1, each), no)),
        *((_EQUAL, 0, 1, machine.clone3), unknown),
        *((_EQUAL, 0, 4, machine.clone), argument, (_ANY_BIT, 0, 1, _NEW_USERS), no, yes),
        *((_EQUAL, 0, 4, machine.socket), argument, (_EQUAL, 1, 0, _UNIX), unreachable, yes),
        yes,
    ]
