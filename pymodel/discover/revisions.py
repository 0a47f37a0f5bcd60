"""The text of a project's Python files as they were at a revision of git. Nothing is checked out or written."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ..schema import PyModelError

GIT_SECONDS = 20
MOST_FILES = 2000


class NoRevision(PyModelError):
    """Git does not know the revision, or the file was not there."""


def read_revision(path: str, revision: str) -> dict[str, str]:
    """The texts at `revision` (`HEAD`, a branch, a commit) of `path` and of every Python file of its repository that is
    another one now, by absolute path.

    Raises:
        NoRevision: there is no git, no repository, no such revision, or no such file in it.
    """
    root = Path(_git(Path(path).parent, "rev-parse", "--show-toplevel").strip())
    try:
        commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    except NoRevision:
        raise NoRevision(f"git knows no revision {revision!r}.", advice="Name a branch, a tag or a commit.") from None
    listed = _git(root, "diff", "--no-ext-diff", "--name-only", "--no-renames", "-z", commit, "--", "*.py")
    present = set(_git(root, "ls-tree", "-r", "-z", "--name-only", commit).split("\0"))
    own = Path(path).resolve().relative_to(root.resolve()).as_posix()
    if own not in present:
        raise NoRevision(f"{own} was not there at {revision}.", advice="Compare with a later revision.")
    changed = [name for name in dict.fromkeys([own, *listed.split("\0")]) if name in present]
    if len(changed) > MOST_FILES:
        words = f"{len(changed)} Python files have changed since {revision}."
        raise NoRevision(words, advice="Compare with a later revision.")
    return {str(root / name): _git(root, "show", "--no-textconv", f"{commit}:{name}") for name in changed}


def list_branches(folder: str) -> tuple[str, ...]:
    """The branches of the repository around `folder`, the one committed to last first; none where there is no git."""
    try:
        names = _git(Path(folder), "for-each-ref", "--sort=-committerdate", "--format=%(refname:short)", "refs/heads")
    except NoRevision:
        return ()
    return tuple(names.split())


def _git(folder: Path, *arguments: str) -> str:
    """What a git command prints. Nothing that the repository's configuration names is run."""
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(folder), *arguments]
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            command, capture_output=True, check=False, timeout=GIT_SECONDS, env=environment, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoRevision(f"git cannot be asked: {error}", advice="Install git, and keep the project in it.") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        raise NoRevision(f"git: {said or 'it failed'}", advice="Keep the project in git to compare with what it was.")
    return done.stdout.decode("utf-8", "replace")
