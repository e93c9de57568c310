"""Whose hands may be in a state directory; run as root, for others must own files."""

from __future__ import annotations

import grp
import os
import pwd
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.application.state import trust
from engine.application.state.lock import StateLock
from engine.application.state.trust import require_trusted
from engine.domain.errors import PynomalyError

NOBODY = 65_534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    directory = tmp_path / "home" / "state"
    (directory / "tasks").mkdir(parents=True, mode=0o755)
    for path in (tmp_path / "home", directory, directory / "tasks"):
        path.chmod(0o755)
    (directory / "tasks" / "0+a").write_bytes(b"x")
    (directory / "tasks" / "0+a").chmod(0o644)
    return directory


def test_what_is_ours_alone_is_trusted(state: Path) -> None:
    require_trusted(state)


@pytest.mark.parametrize(
    ("place", "mode"),
    [
        *((place, mode) for place in (".", "tasks", "tasks/0+a") for mode in (0o775, 0o757)),
        ("..", 0o757),
        ("..", 0o777),
    ],
)
def test_what_others_may_write_to_is_refused_with_its_name(
    state: Path, place: str, mode: int
) -> None:
    path = (state / place).resolve()
    path.chmod(mode)

    with pytest.raises(
        PynomalyError, match=rf"{re.escape(path.name)}.* may be written to by others.*chmod"
    ):
        require_trusted(state)


@as_root
@pytest.mark.parametrize(("group", "trusted"), [(NOBODY, False), (0, True)])
def test_a_folder_above_that_a_group_may_write_to(state: Path, group: int, trusted: bool) -> None:
    """A volume of a pod is root's, and open to the group that the pod runs as."""
    os.chown(state.parent, 0, group)
    state.parent.chmod(0o2775)

    if trusted:
        require_trusted(state)
    else:
        with pytest.raises(PynomalyError, match="may be written to by others"):
            require_trusted(state)


@as_root
@pytest.mark.parametrize("place", ["..", ".", "tasks", "tasks/0+a"])
def test_what_another_user_owns_is_refused_with_its_name(state: Path, place: str) -> None:
    path = (state / place).resolve()
    os.chown(path, NOBODY, NOBODY)

    with pytest.raises(
        PynomalyError, match=rf"{re.escape(path.name)}.* belongs to user {NOBODY}.*chown"
    ):
        require_trusted(state)


@pytest.mark.parametrize("place", ["tasks/0+b", "checkpoints"])
def test_links_in_it_are_refused(state: Path, place: str) -> None:
    (state / place).symlink_to("/etc")

    with pytest.raises(PynomalyError, match="is a symbolic link"):
        require_trusted(state)


def test_a_link_in_place_of_it_is_refused(state: Path) -> None:
    link = state.parent / "link"
    link.symlink_to(state)

    with pytest.raises(PynomalyError, match="is a symbolic link"), StateLock(link):
        pass


def test_a_folder_above_where_only_owners_rename_is_trusted(state: Path) -> None:
    state.parent.chmod(0o1777)

    require_trusted(state)


@as_root
def test_a_link_above_is_followed_and_what_it_leads_to_is_checked(state: Path) -> None:
    link = state.parent.parent / "link"
    link.symlink_to(state.parent)
    require_trusted(link / "state")
    state.parent.chmod(0o777)

    with pytest.raises(PynomalyError, match="may be written to by others"):
        require_trusted(link / "state")


@pytest.mark.parametrize(
    ("name", "members", "trusted"),
    [("me", [], True), ("me", ["me"], True), ("me", ["other"], False), ("users", [], False)],
)
def test_a_folder_above_may_be_open_to_a_group_of_our_own(
    state: Path, monkeypatch: pytest.MonkeyPatch, name: str, members: list[str], trusted: bool
) -> None:
    monkeypatch.setattr(trust, "_is_root", lambda _: False)
    monkeypatch.setattr(grp, "getgrgid", lambda _: SimpleNamespace(gr_name=name, gr_mem=members))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_name="me"))
    state.parent.chmod(0o775)

    if trusted:
        require_trusted(state)
    else:
        with pytest.raises(PynomalyError, match="may be written to by others"):
            require_trusted(state)
