"""Fetching calendars: what has changed is written to the control log, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engine.application.config.silence import CalendarSpec
from engine.application.live_control.calendars import CalendarFetcher
from engine.application.live_control.log_file import ControlLog
from tests.unit.application.live_control.test_ical import NIGHTLY, calendar

SECRET = "s3cret"


class Server(ThreadingHTTPServer):
    """Answers with a status and a text."""

    daemon_threads = True
    status, text = 200, calendar(NIGHTLY)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/{SECRET}/works.ics"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.text.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def fetched(spec: CalendarSpec, log: ControlLog) -> int:
    """Fetch it once, and return how many records the log has then."""
    CalendarFetcher([spec], "Europe/Berlin", log).fetch_due()
    log.read()
    return log.count


def test_a_calendar_is_written_when_it_has_changed(server: Server, tmp_path: Path) -> None:
    log, spec = ControlLog(tmp_path), CalendarSpec(url=server.url)

    assert fetched(spec, log) == 1
    server.text = calendar(NIGHTLY.replace("SUMMARY:Gearbox", "SUMMARY:Belt"))
    assert fetched(spec, log) == 1
    server.text = calendar(NIGHTLY.replace("FREQ=DAILY", "FREQ=WEEKLY"))
    assert fetched(spec, log) == 2


@pytest.mark.parametrize(
    ("events", "warns"),
    [
        ("", True),
        (NIGHTLY, False),
        (NIGHTLY.replace("RRULE:FREQ=DAILY", "RRULE:FREQ=DAILY;UNTIL=20260310T000000Z"), True),
        (NIGHTLY.replace("SUMMARY", "STATUS:CANCELLED\nSUMMARY"), True),
        (NIGHTLY.replace("20260301", "20700301"), False),
    ],
)
def test_warns_once_of_a_calendar_that_silences_nothing_from_now_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, events: str, *, warns: bool
) -> None:
    path = tmp_path / "works.ics"
    path.write_text(calendar(events))
    spec = CalendarSpec(path=path).model_copy(update={"refresh": timedelta(0)})
    fetcher = CalendarFetcher([spec], "Europe/Berlin", ControlLog(tmp_path))

    fetcher.fetch_due()
    fetcher.fetch_due()

    found = [record.message for record in caplog.records]
    assert [one.startswith(f"calendar {path}: no event in it") for one in found] == [True] * warns


def test_a_private_url_is_shown_nowhere(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log, spec = ControlLog(tmp_path), CalendarSpec(url=server.url)
    fetched(spec, log)
    server.status = 404
    fetched(spec, log)

    assert SECRET.encode() not in log.path.read_bytes()
    assert SECRET not in caplog.text
    assert "the server answers 404" in caplog.text


@pytest.mark.parametrize("text", ["<html>log in</html>", "x" * 20_000_000])
def test_an_invalid_calendar_changes_nothing(
    text: str, server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log, spec = ControlLog(tmp_path), CalendarSpec(url=server.url)
    fetched(spec, log)
    server.text = text

    assert fetched(spec, log) == 1
    assert "what was fetched before stays in force" in caplog.text


def test_nobody_there_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = ControlLog(tmp_path)
    missing = CalendarSpec(path=tmp_path / "none.ics")
    closed = CalendarSpec(url=f"http://127.0.0.1:9/{SECRET}")

    assert fetched(missing, log) == fetched(closed, log) == 0
    assert "No such file" in caplog.text
    assert "no answer (ConnectError)" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1"])
def test_a_file_of_another_encoding_is_read_as_its_times_are_ascii(
    encoding: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log, path = ControlLog(tmp_path), tmp_path / "works.ics"
    path.write_bytes(calendar(NIGHTLY.replace("Gearbox", "Köln")).encode(encoding))

    assert fetched(CalendarSpec(path=path), log) == 1
    assert not caplog.text
