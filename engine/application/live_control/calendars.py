"""Fetches the calendars of silences periodically into the control log.

A calendar takes effect as other records do, at a stored position: a replay does not depend on
what the server answers later.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from engine.application.config.silence import CalendarSpec
from engine.application.live_control.ical import IcalCalendar, essence
from engine.application.live_control.log import Log
from engine.application.live_control.records import ControlRecord, in_force, now
from engine.domain.errors import FatalError, PynomalyError

REQUEST_SECONDS = 10.0
LOOK_SECONDS = 1.0
MOST_FETCHED_BYTES = 16 * 2**20
WHO = "pynomaly"

logger = logging.getLogger("pynomaly.control")


@dataclass(slots=True)
class _Watched:
    spec: CalendarSpec
    due: float = 0.0
    last_error: str = ""
    text: str | None = None


class CalendarFetcher:
    """Fetches calendars in a thread of its own, for all processes of an instance.

    Args:
        calendars: to fetch.
        zone: of times that name none.
        log: where they are written.
    """

    def __init__(self, calendars: Sequence[CalendarSpec], zone: str, log: Log) -> None:
        self._watched = [_Watched(spec) for spec in {one.source: one for one in calendars}.values()]
        self._zone = zone
        self._log = log
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="calendars", daemon=True)

    def start(self) -> None:
        """Fetch all once, so that they are in force from the first event on, then periodically."""
        self.fetch_due()
        self._thread.start()

    def close(self) -> None:
        """Stop fetching; a calendar that is being fetched may still be written."""
        self._stopped.set()

    def fetch_due(self) -> None:
        """Fetch calendars that are due; errors are logged, and the last version stays in force."""
        for each in self._watched:
            if time.monotonic() < each.due:
                continue
            each.due = time.monotonic() + each.spec.refresh.total_seconds()
            try:
                text = essence(_fetch(each.spec))
                self._store(each.spec, text)
            except (PynomalyError, OSError, httpx.HTTPError) as error:
                if str(error) != each.last_error:
                    logger.error(
                        "calendar %s: %s: until it can be read, what was fetched before stays in "
                        "force, if anything",
                        *(each.spec.where, error),
                    )
                each.last_error = str(error)
            else:
                each.last_error = ""
                if text != each.text and not IcalCalendar(text, self._zone).ends_after(now()):
                    logger.warning(
                        "calendar %s: no event in it ends from now on: it silences nothing that "
                        "happens now",
                        each.spec.where,
                    )
                each.text = text

    def _run(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            self.fetch_due()

    def _store(self, spec: CalendarSpec, text: str) -> None:
        """Write a calendar into the log if it differs from the one in force."""
        self._log.read()
        holding = [one.calendar for one in in_force(self._log.records) if one.calendar]
        known = {one.source: one for one in holding}
        fields = {"source": spec.source, "where": spec.where, "zone": self._zone, "text": text}
        if spec.source in known and known[spec.source].model_dump() == fields:
            return
        common = {"who": WHO, "when": now().isoformat(), "calendar": fields}
        self._log.append(
            lambda number: ControlRecord.model_validate(
                {"id": f"calendar-{number}", "number": number, **common}
            )
        )


def _fetch(spec: CalendarSpec) -> str:
    if spec.path is not None:
        return _text(spec.path.read_bytes())
    assert spec.url is not None
    # The URL may be private, and httpx names it in its errors.
    client = httpx.Client(timeout=REQUEST_SECONDS, follow_redirects=True)
    try:
        with client, client.stream("GET", spec.url) as answer:
            return _body(answer)
    except httpx.HTTPError as error:
        raise FatalError(f"no answer ({type(error).__name__})") from None


def _body(answer: httpx.Response) -> str:
    if answer.status_code != httpx.codes.OK:
        raise FatalError(f"the server answers {answer.status_code} {answer.reason_phrase}")
    found = b""
    for piece in answer.iter_bytes():
        found += piece
        if len(found) > MOST_FETCHED_BYTES:
            raise FatalError(f"it has more than {MOST_FETCHED_BYTES:,} bytes")
    return _text(found)


def _text(content: bytes) -> str:
    """Return a calendar's text: times are ASCII, whatever the encoding of what people read."""
    return content.decode("utf-8-sig", "replace")
