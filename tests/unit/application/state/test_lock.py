from __future__ import annotations

from pathlib import Path

import pytest

from engine.application.state.lock import StateLock, require_usable
from engine.domain.errors import PynomalyError


def test_two_runs_cannot_hold_the_same_state(tmp_path: Path) -> None:
    held, second = StateLock(tmp_path), StateLock(tmp_path)

    with held, pytest.raises(PynomalyError, match="in use by another run"):
        second.__enter__()
    with StateLock(tmp_path):
        pass


def test_the_directory_is_made_for_its_user_alone(tmp_path: Path) -> None:
    home = tmp_path / "a" / "b"

    with StateLock(home):
        pass

    assert home.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("name", "words"), [("recovery", "in key groups"), ("importing", "was broken off")]
)
def test_state_that_is_no_whole_of_ours_is_refused(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / name).mkdir()

    with pytest.raises(PynomalyError, match=words):
        require_usable(tmp_path)
