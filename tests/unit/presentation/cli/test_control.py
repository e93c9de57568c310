from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from engine.application.use_cases import control_log
from engine.presentation.cli import control
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


@pytest.mark.parametrize("kind", ["silence", "pause"])
def test_what_begins_now_begins_when_it_was_given(
    run: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    """A slow machine takes many seconds until the record is written."""
    file = tmp_path / "p.yaml"
    file.write_text(f"{FILE}state: {{directory: '{tmp_path}/state'}}\n")
    moments = (datetime(2026, 3, 1, 6, 0, n, tzinfo=UTC) for n in count(0, 18))
    for place in (control, control_log):
        monkeypatch.setattr(place, "now", lambda: next(moments))

    assert run("control", str(file), kind, "--entities", "press-3", "--for", "1h") == 0

    record, author, *note = capsys.readouterr().out.splitlines()
    assert record.endswith("from 2026-03-01T06:00:00+00:00 until 2026-03-01T07:00:00+00:00")
    assert author.endswith(", 2026-03-01T06:00:00+00:00")
    assert " ".join(note).startswith("note: it applies to event times from 2026-03-01T06:00:00")
