"""A seccomp filter for the child: the kernel refuses what the audit hook cannot see. Linux on x86-64 and AArch64.

Refused calls fail with EPERM, which Python turns into PermissionError. Threads stay allowed. See seccomp(2), bpf(4).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from typing import Any

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_SET, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
X32 = 0x40000000
"""Numbers from here on are the x32 ABI's second names for the same calls."""
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
CLONE_THREAD = 0x00010000
WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

# Numbers are the kernel's own, by architecture: processes, sockets, names and links, owners and modes,
# attributes and signals by other ways, the rest.
_X86_64: dict[str, Any] = {
    "audit": 0xC000003E,
    "deny": (
        *(57, 58, 59, 322, 101, 200, 272, 308, 310, 311),
        *(41, 42, 43, 44, 46, 49, 53),
        *(76, 77, 82, 83, 84, 85, 86, 87, 88, 133, 258, 259, 263, 264, 265, 266, 316),
        *(90, 91, 92, 93, 94, 132, 235, 260, 261, 268, 280, 452),
        *(188, 189, 190, 197, 198, 199, 129, 297, 424),
        *(155, 161, 165, 166, 321, 425),
    ),
    "kill": (62, 234),
    "open": ((2, 1), (257, 2)),
    "clone": 56,
    "missing": (435, 437),
}
_AARCH64: dict[str, Any] = {
    "audit": 0xC00000B7,
    "deny": (
        *(97, 117, 130, 221, 268, 270, 271, 281),
        *(198, 199, 200, 203, 206, 211),
        *(33, 34, 35, 36, 37, 38, 45, 46, 276),
        *(52, 53, 54, 55, 88, 452),
        *(5, 6, 7, 14, 15, 16, 138, 240, 424),
        *(39, 40, 41, 51, 280, 425),
    ),
    "kill": (129, 131),
    "open": ((56, 2),),
    "clone": 220,
    "missing": (435, 437),
}
"""`open` pairs a call with the position of its flags; `missing` calls pretend not to exist, so that libc falls back."""


def install_filter() -> bool:
    """Install the filter in this process, for good. False where there is none for the platform, or it is refused."""
    machine = {"x86_64": _X86_64, "aarch64": _AARCH64}.get(platform.machine())
    if sys.platform != "linux" or machine is None:
        return False
    program = _build_program(machine)
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code)

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    description = Program(len(program), ctypes.cast(buffer, ctypes.c_void_p))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    return bool(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(description), 0, 0) == 0)


def _build_program(machine: dict[str, Any]) -> list[tuple[int, int, int, int]]:
    refuse, missing = ERRNO | errno.EPERM, ERRNO | errno.ENOSYS
    program = [
        (LOAD, 0, 0, ARCHITECTURE),
        (JUMP_EQUAL, 1, 0, machine["audit"]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (JUMP_AT_LEAST, 0, 1, X32),
        (RETURN, 0, 0, missing),
    ]
    for number in machine["deny"]:
        program += [(JUMP_EQUAL, 0, 1, number), (RETURN, 0, 0, refuse)]
    for number in machine["missing"]:
        program += [(JUMP_EQUAL, 0, 1, number), (RETURN, 0, 0, missing)]
    for number in machine["kill"]:
        # Only to itself: abort() and raise() must go on working.
        own = [(LOAD, 0, 0, ARGUMENTS), (JUMP_EQUAL, 1, 0, os.getpid()), (RETURN, 0, 0, refuse), (RETURN, 0, 0, ALLOW)]
        program += [(JUMP_EQUAL, 0, len(own), number), *own]
    for number, argument in machine["open"]:
        flags = ARGUMENTS + 8 * argument
        writes = [(LOAD, 0, 0, flags), (JUMP_SET, 0, 1, WRITE_FLAGS), (RETURN, 0, 0, refuse), (RETURN, 0, 0, ALLOW)]
        program += [(JUMP_EQUAL, 0, len(writes), number), *writes]
    thread = [(LOAD, 0, 0, ARGUMENTS), (JUMP_SET, 1, 0, CLONE_THREAD), (RETURN, 0, 0, refuse), (RETURN, 0, 0, ALLOW)]
    program += [(JUMP_EQUAL, 0, len(thread), machine["clone"]), *thread]
    return [*program, (RETURN, 0, 0, ALLOW)]
