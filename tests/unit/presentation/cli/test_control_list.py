"""`pynomaly control FILE list`: a line each, those that are over only if asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.presentation.cli.conftest import Run

FILE = """\
name: plant
source: {queue: {brokers: "b:1", topic: t}}
event: {key: id, values: [t], timezone: Europe/Berlin}
sinks: {anomalies: {file: {path: a}}}
"""
PAST = ("--from", "2026-03-01T08:00:00+01:00", "--until", "2026-03-01T12:00:00+01:00")
SINCE = ("--from", "2026-03-01T08:00:00+01:00", "--who", "anna")


@pytest.fixture
def control(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "p.yaml"
    file.write_text(f"{FILE}state: {{directory: '{tmp_path}/state'}}\n")

    def call(*words: str) -> str:
        assert run("control", str(file), *words) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return call


def test_shows_a_line_for_each_record_in_force(control) -> None:
    control("silence", "--entities", "press-3/*", *SINCE, "--why", "gearbox is replaced")
    control("silence", "--entities", "press-4/*", *PAST)
    control("rule", "--values", "t", "--direction", "above", "--who", "anna")
    control("pause", *SINCE)
    control("revoke", "pause-4")

    head, silence, rule, more = control("list").splitlines()

    assert head.split() == ["id", "entities", "effect", "from", "until", "who", "when", "why"]
    assert silence.startswith("silence-1  press-3/*  mute                   2026-03-01T07:00Z")
    assert silence.endswith("Z  gearbox is replaced")
    assert rule.startswith("rule-3     *          for t direction above  ")
    assert more == "2 that ended or were revoked: list --all"


def test_shows_what_is_over_if_asked(control) -> None:
    control("silence", *PAST)
    control("pause", *SINCE)
    control("revoke", "pause-2")
    reset = control("reset", "--entities", "press-3")
    control("budget", "2/day")

    lines = control("list", "--all").splitlines()

    assert "press-3: models start afresh" in reset
    assert [
        (line.split()[0], " ".join(line.split()[-2:]).split("Z ")[-1]) for line in lines[1:]
    ] == [
        ("silence-1", "ended"),
        ("pause-2", "revoked"),
        ("revoke-3", "done"),
        ("reset-4", "done"),
        ("budget-5", "in force"),
    ]


def test_shows_records_as_json(control) -> None:
    control("silence", *SINCE, "--weekly", "sat,sun 22:00-06:00")
    control("silence", *PAST)

    (shown,) = json.loads(control("list", "-o", "json"))

    assert (shown["id"], shown["kind"], shown["who"]) == ("silence-1", "silence", "anna")
    hours = {"days": ["sat", "sun"], "from": "22:00:00", "until": "06:00:00"}
    assert shown["fields"]["weekly"] == hours | {"zone": "Europe/Berlin"}


def test_hours_of_the_week_are_shown_with_their_zone(control) -> None:
    written = control("silence", *SINCE, "--weekly", "22:00-06:00", "--zone", "Asia/Tokyo")

    days = "mon,tue,wed,thu,fri,sat,sun"
    assert written.startswith(f"silence-1     * {days} 22:00-06:00 Asia/Tokyo from 2026-03-01")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--weekly", "sat sun 22:00-06:00"), "expected days, and hours of local time"),
        (("--weekly", ""), "expected days, and hours of local time"),
        (("--weekly", "sat,son 22:00-06:00"), "silence.weekly.days"),
        (("--weekly", "22-6"), "silence.weekly.until"),
        (("--zone", "Europe/Berlin"), "--zone goes with --weekly"),
    ],
)
def test_refuses_hours_that_it_cannot_read(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], words, reason: str
) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(f"{FILE}state: {{directory: '{tmp_path}/state'}}\n")

    code = run("control", str(file), "silence", *words)

    assert code == 2
    assert reason in capsys.readouterr().err
