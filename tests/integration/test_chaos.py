"""The chaos harness, short; `make chaos` runs it long."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.__main__ import main

SHORT = "--partitions 2 --rate 200 --forks"


def run(folder: Path, words: str, *kinds: str) -> int:
    """Run the harness on a stream that is as short as it can be; return its exit code."""
    return main([*words.split(), *SHORT.split(), "--folder", str(folder), "--only", *kinds])


def test_exactly_once_is_exact_with_control_records(tmp_path: Path) -> None:
    words = "--disturbances 2 --control 1 --seed 11 --processes 2"

    assert run(tmp_path, words, "kill_at_commit", "rescale") == 0


def test_at_least_once_loses_nothing(tmp_path: Path) -> None:
    words = "--disturbances 1 --seed 12 --processes 1 --delivery at_least_once"

    assert run(tmp_path, words, "kill_all") == 0


def test_a_fault_built_in_is_found(tmp_path: Path) -> None:
    words = "--disturbances 1 --seed 13 --processes 1 --mutant offset_moved"

    assert run(tmp_path, words, "kill_one") == 1


def test_state_in_kafka_is_exactly_once_too(tmp_path: Path) -> None:
    words = "--disturbances 2 --seed 14 --processes 2 --state kafka"

    assert run(tmp_path, words, "kill_one", "join_second") == 0
