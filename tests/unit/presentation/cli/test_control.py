from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.presentation.cli.conftest import Run

FILE = """\
name: plant
source: {queue: {brokers: "b:1", topic: t}}
event: {key: id, values: [t]}
sinks: {anomalies: {file: {path: a}}}
"""
PERIOD = ("--from", "2026-03-01T08:00:00Z", "--until", "2026-03-01T12:00:00Z")


@pytest.mark.parametrize(("keep", "is_said"), [(0, True), (24, False)])
def test_forget_says_when_no_earlier_checkpoints_are_kept(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], keep: int, is_said: bool
) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(f"{FILE}state: {{directory: '{tmp_path}/state', keep: {keep}}}\n")

    assert run("control", str(file), "forget", "--entities", "press-3", *PERIOD) == 0

    out = capsys.readouterr().out
    assert out.startswith("forget-1      press-3 from 2026-03-01T08:00:00+00:00 until")
    assert ("no earlier checkpoints are kept" in out) == is_said
