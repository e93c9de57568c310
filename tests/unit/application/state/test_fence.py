"""Fences."""

from __future__ import annotations

import stat
from pathlib import Path

from engine.application.state.fence import fence


def test_a_fence_stands_where_the_output_stood_first(tmp_path: Path) -> None:
    assert fence(tmp_path, "scores-0", None, lambda: [[0, 5]]) == [[0, 5]]
    assert fence(tmp_path, "scores-0", None, lambda: [[0, 9]]) == [[0, 5]]
    assert fence(tmp_path, "scores-1", None, lambda: [[0, 9]]) == [[0, 9]]


def test_a_fence_that_was_set_after_something_else_is_void(tmp_path: Path) -> None:
    fence(tmp_path, "a", None, lambda: 1)
    assert fence(tmp_path, "a", ["x", 2], lambda: 3) == 3
    assert fence(tmp_path, "a", ["x", 2], lambda: 4) == 3


def test_without_a_state_directory_nothing_is_kept() -> None:
    assert fence(None, "a", None, lambda: 1) == 1


def test_fences_are_their_users_alone(tmp_path: Path) -> None:
    fence(tmp_path, "a", None, lambda: 1)
    folder = tmp_path / "outputs"
    (file,) = folder.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
