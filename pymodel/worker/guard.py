"""The effects guard: while armed, Python-level attempts to write, connect, start or signal raise PermissionError.

Audit hooks cannot be removed, so the hook looks at a flag. What reaches the kernel past Python is `seccomp`'s.
"""

from __future__ import annotations

import os
import sys
from typing import Any

REFUSED_PREFIXES = (
    *("subprocess.", "os.exec", "os.posix_spawn", "os.spawn", "shutil.", "socket.connect", "socket.bind"),
    *("socket.__new__", "socket.gethostby", "resource.", "_winapi.CreateProcess", "tempfile."),
    *("socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "ftplib.", "smtplib.", "urllib.", "http.client.connect"),
    *("sqlite3.connect", "webbrowser.", "winreg.", "os.fork"),
)
REFUSED = frozenset(
    f"os.{name}"
    for name in (
        *("mkdir", "remove", "rename", "rmdir", "chmod", "chown", "lchown", "link", "symlink", "truncate", "utime"),
        *("setxattr", "removexattr", "system", "kill", "killpg", "forkpty", "startfile", "chflags", "lchflags"),
    )
)
WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_state = {"installed": False, "armed": False}


def arm() -> None:
    """From now on, effects are refused in this process."""
    if not _state["installed"]:
        sys.addaudithook(_refuse_effects)
        _guard_torch_save()
        _state["installed"] = True
    sys.dont_write_bytecode = True
    _state["armed"] = True


def disarm() -> None:
    _state["armed"] = False


def _refuse_effects(event: str, arguments: tuple[Any, ...]) -> None:
    if not _state["armed"]:
        return
    if event == "open":
        path, mode, flags = arguments
        writes = isinstance(mode, str) and any(letter in mode for letter in "wax+")
        named = not isinstance(path, int) and path != os.devnull  # what is open already was open before
        if named and (writes or (isinstance(flags, int) and flags & WRITE_FLAGS)):
            raise _refusal(f"open {path!r} for writing")
    elif event == "os.mkdir" and os.path.isdir(arguments[0]):  # noqa: PTH112 (a bare call: user code may patch pathlib)
        return  # Python says that it exists, which libraries expect and which changes nothing
    elif event in REFUSED or event.startswith(REFUSED_PREFIXES):
        raise _refusal(_describe(event, arguments))


def _describe(event: str, arguments: tuple[Any, ...]) -> str:
    first = next((repr(each) for each in arguments if isinstance(each, (str, int, tuple))), "")
    return f"{event}({first})"


def _refusal(what: str) -> PermissionError:
    return PermissionError(f"PyModel changes nothing while it analyses: this would {what}. Nothing was done.")


def _guard_torch_save() -> None:
    """`torch.save` writes from C++, where audit hooks do not reach."""
    import torch.serialization

    original = torch.serialization.save

    def save(obj: Any, f: Any, *arguments: Any, **options: Any) -> None:
        if _state["armed"] and isinstance(f, (str, os.PathLike)):
            raise _refusal(f"torch.save to {os.fspath(f)!r}")
        original(obj, f, *arguments, **options)

    torch.serialization.save = save
    torch.save = save
