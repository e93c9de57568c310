"""Turns of processes that would compile the same function."""

from __future__ import annotations

from pathlib import Path

import pytest

from operators.kernels import compile_turn
from operators.kernels.compile_turn import CompileTurn


def test_the_next_begins_when_the_first_has_ended(tmp_path: Path) -> None:
    one, other = CompileTurn(tmp_path / "f.lock"), CompileTurn(tmp_path / "f.lock")
    one.begin()
    one.end()
    other.begin()

    assert other._is_taken()


def test_a_process_that_is_stopped_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compile_turn, "TURN_SECONDS", 0.3)
    stopped, other = CompileTurn(tmp_path / "f.lock"), CompileTurn(tmp_path / "f.lock")
    stopped.begin()
    other.begin()

    assert not other._is_taken()


def test_a_folder_that_takes_no_lock_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    turn = CompileTurn(tmp_path / "file" / "f.lock")
    turn.begin()
    turn.end()

    assert (tmp_path / "file").read_text() == ""
