"""Forget a period, and keep what was learned after it: a record, and an earlier checkpoint."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.e2e.old_state import HALF, write
from tests.e2e.test_state import edit, pynomaly, run, scores

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
PERIOD = (HALF, HALF + 1_000)
"""The events that are forgotten: five a minute."""


def forget(folder: Path) -> str:
    begin, end = ((EPOCH + timedelta(minutes=n // 5)).isoformat() for n in PERIOD)
    words = ("--entities", "s*", "--from", begin, "--until", end)
    done = pynomaly(folder, "control", "p.yaml", "forget", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def keep(folder: Path, count: int) -> None:
    write(folder, count)
    edit(folder, "state: {", "state: {keep: 5, keep_every: 1s, ")


def test_with_an_earlier_checkpoint_all_but_the_period_is_learned_again(tmp_path: Path) -> None:
    whole, never = tmp_path / "whole", tmp_path / "never"
    keep(whole, HALF)
    run(whole)
    then = datetime.now(UTC)
    keep(whole, 2 * HALF)
    run(whole)
    learned = scores(whole)
    keep(never, 2 * HALF)
    forget(never)
    run(never)

    printed = forget(whole)
    reverted = pynomaly(whole, "state", "revert", "p.yaml", "--to", then.isoformat(), "--yes")
    # Records that were published are not written to the file again.
    (whole / "scores.ndjson").unlink()
    run(whole)

    assert "state revert" in printed
    assert reverted.returncode == 0, reverted.stderr
    again, expected = scores(whole), scores(never)
    assert set(again) >= set(range(HALF, 2 * HALF))
    assert again == {offset: expected[offset] for offset in again}
    assert again != {offset: learned[offset] for offset in again}
