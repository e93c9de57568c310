from __future__ import annotations

import stat
from pathlib import Path

import pytest

from engine.application.state.recovery import PARTS, StateLock, open_store
from engine.domain.errors import PynomalyError


def test_a_store_is_made_by_itself_and_private(tmp_path: Path) -> None:
    home = tmp_path / "a" / "b"
    _, resumed = open_store(home)
    assert not resumed
    assert len(list((home / "recovery").glob("part-*.sqlite3"))) == PARTS
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "recovery").stat().st_mode) == 0o700


def test_what_is_there_is_resumed(tmp_path: Path) -> None:
    open_store(tmp_path)
    (tmp_path / "recovery" / "mine").touch()
    assert open_store(tmp_path)[1]
    assert (tmp_path / "recovery" / "mine").exists()


def test_a_half_made_store_is_made_anew(tmp_path: Path) -> None:
    store = tmp_path / "recovery"
    store.mkdir()
    (store / "part-0.sqlite3").write_bytes(b"half")
    _, resumed = open_store(tmp_path)
    assert not resumed
    assert len(list(store.glob("part-*.sqlite3"))) == PARTS


def test_two_runs_cannot_hold_the_same_state(tmp_path: Path) -> None:
    held, second = StateLock(tmp_path), StateLock(tmp_path)
    with held, pytest.raises(PynomalyError, match="in use by another run"):
        second.__enter__()
    with StateLock(tmp_path):
        pass


def test_state_that_every_user_may_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(PynomalyError, match="every user may write"), StateLock(tmp_path):
        pass
    # A volume's group, as container platforms set it, is its owner's choice.
    tmp_path.chmod(0o770)
    with StateLock(tmp_path):
        pass
