"""The chaos harness, short; `make chaos` runs it long."""

from __future__ import annotations

from tests.chaos.__main__ import main


def test_exactly_once_is_exact(tmp_path) -> None:
    kinds = ["kill_at_commit", "rescale"]
    words = f"--disturbances 2 --seed 11 --processes 2 --rate 500 --folder {tmp_path}"

    assert main([*words.split(), "--only", *kinds]) == 0


def test_at_least_once_loses_nothing(tmp_path) -> None:
    words = f"--disturbances 1 --seed 12 --processes 1 --rate 500 --folder {tmp_path}"

    assert main([*words.split(), "--delivery", "at_least_once", "--only", "kill_all"]) == 0


def test_a_fault_built_in_is_found(tmp_path) -> None:
    words = f"--disturbances 1 --seed 13 --processes 1 --rate 500 --folder {tmp_path}"

    assert main([*words.split(), "--mutant", "offset_moved", "--only", "kill_one"]) == 1


def test_state_in_kafka_is_exactly_once_too(tmp_path) -> None:
    kinds = ["kill_one", "join_second"]
    words = f"--disturbances 2 --seed 14 --processes 2 --rate 500 --folder {tmp_path}"

    assert main([*words.split(), "--state", "kafka", "--only", *kinds]) == 0


def test_control_records_among_disturbances_change_nothing(tmp_path) -> None:
    words = f"--disturbances 1 --control 1 --seed 26 --processes 1 --folder {tmp_path}"
    small = "--partitions 2 --rate 200 --only kill_at_commit"

    assert main([*words.split(), *small.split()]) == 0
