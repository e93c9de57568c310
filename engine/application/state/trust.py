"""Checks the owner and the modes of state files, as ssh does with its files.

Models of libraries are stored as pickles, which run as code when they are loaded, and the models
decide what is published. So no other user may write to the files.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from engine.domain.errors import FatalError, PynomalyError


def require_trusted(directory: Path) -> None:
    """Refuse a state directory that another user owns, or may write to, at any place of it.

    The check covers the directory, its contents, and the folders above. A folder above may be
    writable by all if only owners may rename its files (as in /tmp), by the group of this process
    if root owns it (as with volumes of a Kubernetes pod), and by a group without other members (as
    many systems give each user).

    Raises:
        PynomalyError: it is not ours alone; the text says what, and how to change that.
    """
    where = directory.absolute()
    if where.is_symlink():
        raise _refusal(where, "is a symbolic link: name the directory itself", "")
    for parent in where.parents:
        _check_parent(parent)
    for path in _walk(where):
        require_own_file(path)


def _check_parent(parent: Path) -> None:
    if parent.is_symlink():
        _check_owner(parent, parent.lstat())
        for above in parent.resolve().parents:
            _check_parent(above)
    status = parent.stat()
    _check_owner(parent, status)
    sticky = bool(status.st_mode & stat.S_ISVTX)
    own = status.st_gid == os.getegid()
    groups_own = own and (_is_root(status.st_uid) or _is_private(status.st_gid))
    others = status.st_mode & stat.S_IWOTH
    group = status.st_mode & stat.S_IWGRP and not groups_own
    if (others or group) and not sticky:
        raise _refusal(parent, "may be written to by others", f"chmod go-w {parent}")


def _is_root(user: int) -> bool:
    return user == 0


def _is_private(group: int) -> bool:
    """Whether a group is a user's own: of his name, without other members."""
    try:
        found, user = grp.getgrgid(group), pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return found.gr_name == user.pw_name and set(found.gr_mem) <= {user.pw_name}


def require_own_file(path: Path) -> None:
    """Refuse a file that another user owns, or may write to.

    Raises:
        PynomalyError: it is not ours alone.
    """
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        raise _refusal(path, "is a symbolic link, which does not belong there", f"rm {path}")
    _check_owner(path, status)
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise _refusal(path, "may be written to by others", f"chmod go-w {path}")


def _check_owner(path: Path, status: os.stat_result) -> None:
    if status.st_uid not in (0, os.geteuid()):
        raise _refusal(path, f"belongs to user {status.st_uid}", f"chown {os.geteuid()} {path}")


def _refusal(path: Path, what: str, cure: str) -> PynomalyError:
    return FatalError(
        f'"{path}" {what}. Anybody who can write there can run code as this user'
        + (f": {cure}" if cure else "")
    )


def _walk(directory: Path) -> Iterator[Path]:
    yield directory
    with os.scandir(directory) as found:
        for entry in found:
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(path)
            else:
                yield path
