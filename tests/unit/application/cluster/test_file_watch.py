"""A changed pipeline file is run once it is valid and no longer changes."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from engine.application.cluster import file_watch
from engine.application.cluster.file_watch import FileWatch

FILE = """\
name: plant
source: stdin
event: {key: id, time: {path: ts, unit: s}, values: [t]}
detectors: [zscore]
sinks: {anomalies: stdout}
state: {directory: d}
"""
CHANGED = FILE.replace("[zscore]", "[{zscore: {half_life: 50}}]")
BROKEN = FILE.replace("zscore", "no_such_detector")


@pytest.fixture(autouse=True)
def _looks_without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_watch, "LOOK_SECONDS", 0.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "p.yaml"
    path.write_text(FILE)
    return path


def test_an_unchanged_file_is_no_change(path: Path) -> None:
    watch = FileWatch(path, FILE)

    assert not any(watch.look() for _ in range(3))


def test_a_valid_change_counts_when_it_stands_still(path: Path) -> None:
    watch = FileWatch(path, FILE)
    path.write_text(CHANGED)

    assert [watch.look(), watch.look(), watch.look()] == [False, True, True]
    assert watch.changed == CHANGED


def test_a_broken_change_is_reported_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watch = FileWatch(path, FILE)
    path.write_text(BROKEN)

    with caplog.at_level(logging.ERROR):
        assert not any(watch.look() for _ in range(4))

    (line,) = caplog.messages

    assert "is refused; what runs goes on" in line
    assert "no_such_detector" in line


def test_a_mended_change_counts(path: Path) -> None:
    watch = FileWatch(path, FILE)
    path.write_text(BROKEN)
    watch.look()
    watch.look()
    path.write_text(CHANGED)

    assert [watch.look(), watch.look()] == [False, True]


def test_a_file_that_is_gone_for_now_is_no_change(path: Path) -> None:
    watch = FileWatch(path, FILE)
    path.unlink()

    assert not any(watch.look() for _ in range(3))


def test_what_did_not_come_up_is_no_change(path: Path) -> None:
    watch = FileWatch(path, FILE, refused=CHANGED)
    path.write_text(CHANGED)

    assert not any(watch.look() for _ in range(3))
