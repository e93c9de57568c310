"""The status line of a run on a terminal."""

from __future__ import annotations

from io import StringIO

import pytest

from engine.application.cluster.status_line import StatusLine
from engine.application.telemetry.live_counts import LiveCounts
from engine.application.telemetry.logs import CLEAR_LINE


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    monkeypatch.setenv("COLUMNS", "200")
    return StringIO()


@pytest.fixture
def line(terminal: StringIO, now: list[float]) -> StatusLine:
    return StatusLine(terminal, lambda: now[0])


def test_shows_sums_over_the_processes(line: StatusLine, terminal: StringIO) -> None:
    line.draw([LiveCounts(1_000, 900, 3, 2, 50, 7), LiveCounts(500, 400, 0, 1, 40, 3)])

    shown = "10 behind, 1,300 scored, 3 rejected, 3 anomalies, 90 entities"

    assert f"1,500 read (0/s), {shown}" in terminal.getvalue()


def test_shows_the_rate_since_the_line_before(
    line: StatusLine, terminal: StringIO, now: list[float]
) -> None:
    line.draw([LiveCounts(1_000)])
    now[0] = 2.0

    line.draw([LiveCounts(5_000)])

    assert "5,000 read (2,000/s)" in terminal.getvalue()


def test_keeps_the_rate_between_two_reports(
    line: StatusLine, terminal: StringIO, now: list[float]
) -> None:
    line.draw([LiveCounts(1_000)])
    now[0] = 2.0
    line.draw([LiveCounts(5_000)])
    now[0] = 2.5

    line.draw([LiveCounts(5_000)])

    assert terminal.getvalue().count("5,000 read (2,000/s)") == 2


def test_shows_that_nothing_is_read_any_more(
    line: StatusLine, terminal: StringIO, now: list[float]
) -> None:
    line.draw([LiveCounts(1_000)])
    now[0] = 4.0

    line.draw([LiveCounts(1_000)])

    assert terminal.getvalue().count("1,000 read (0/s)") == 2


def test_leaves_the_cursor_where_a_log_line_deletes_it(
    line: StatusLine, terminal: StringIO
) -> None:
    line.draw([LiveCounts(1)])

    assert terminal.getvalue().startswith(CLEAR_LINE)
    assert terminal.getvalue().endswith("\r")


def test_is_no_wider_than_the_terminal(
    line: StatusLine, terminal: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")

    line.draw([LiveCounts(1_000_000)])

    assert len(terminal.getvalue().strip().removeprefix(CLEAR_LINE.strip())) < 20


def test_shows_nothing_before_anything_is_read(line: StatusLine, terminal: StringIO) -> None:
    line.draw([LiveCounts(), LiveCounts()])
    line.clear()

    assert terminal.getvalue() == ""


def test_is_drawn_twice_a_second_at_most(
    line: StatusLine, terminal: StringIO, now: list[float]
) -> None:
    line.draw([LiveCounts(1)])
    now[0] = 0.1

    line.draw([LiveCounts(2)])

    assert "2 read" not in terminal.getvalue()


def test_is_deleted_at_the_end(line: StatusLine, terminal: StringIO) -> None:
    line.draw([LiveCounts(1)])

    line.clear()

    assert terminal.getvalue().endswith(CLEAR_LINE)


def test_counts_survive_the_pipe() -> None:
    counts = LiveCounts(1, 2, 3, 4, 5, 6)

    assert LiveCounts.read_from(str(counts)) == counts
    assert LiveCounts.read_from("") == LiveCounts()
