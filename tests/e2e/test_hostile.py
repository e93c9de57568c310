"""A running server and what it must bear: hostile requests, and all that its description allows."""

from __future__ import annotations

from pathlib import Path

from tests.hostile.__main__ import run as attack
from tests.hostile.described import run as described
from tests.hostile.killed import is_whole
from tests.hostile.killed import run as kill_server


def test_hostile_requests_neither_fail_nor_leak(tmp_path: Path) -> None:
    statuses, wrong = attack(1_500, 1, tmp_path)

    assert wrong == []
    # A loaded machine sends too few a second for a 429.
    assert set(statuses) > {200, 201, 401, 403, 404, 405, 409, 413, 422}


def test_replies_are_as_described(tmp_path: Path) -> None:
    ended = described(tmp_path, "--max-examples", "3", "--seed", "1")

    assert ended.returncode == 0, ended.stdout[-5_000:] + ended.stderr


def test_a_killed_server_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    report = kill_server(3, 1, tmp_path)

    assert is_whole(report), report
    assert report["acknowledged"]
