"""The diagnosis of event times: why one cannot be read, or is too far from the clocks."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any

from engine.domain.batch import NO_TIME
from engine.domain.mapping import EXCEL_FORMATS, EventMapping
from engine.domain.path import path_text
from engine.domain.reject import Finding, RejectReason
from engine.domain.time_doubts import other_unit
from operators.decode.reading import MissingError, look_up, other_name, quote
from operators.decode.sample_times import step_ns
from operators.decode.timestamps import UNREADABLE, TimeReader, together

HERE = "this machine's clock"
_LIKE_ISO = re.compile(r"\s*\d{4}-\d\d(-\d\d)?([T\s]|$)", re.ASCII)


class TimeDiagnosis:
    """Reads the time of one message, and says what is wrong with it."""

    def __init__(self, mapping: EventMapping) -> None:
        self._mapping = mapping
        self._times = TimeReader(mapping.time)

    def of(self, document: dict[str, Any], timestamp: int, now: int) -> Finding | None:
        """Return what is wrong with the time of a message; None if nothing is.

        Args:
            document: the message.
            timestamp: the message's own time, ns since 1970; NO_TIME if it has none.
            now: time of this machine's clock.
        """
        if self._mapping.time.path is None:
            return self._of_message_time(timestamp, now)
        columns = []
        for path in self._mapping.time.paths:
            try:
                columns.append([look_up(document, path)])
            except MissingError as missing:
                found = f"there is nothing at {missing}{other_name(document, path)}"
                return RejectReason.MISSING_TIME, found
            if columns[-1] == [None]:
                return RejectReason.MISSING_TIME, f"{path_text(path)} is null"
        written = together(columns)[0]
        return self._of_step(document) or self._of_written_time(written, timestamp, now)

    def _of_step(self, document: dict[str, Any]) -> Finding | None:
        step = self._mapping.time.step
        if step is None or step.path is None:
            return None
        try:
            found = look_up(document, step.path)
        except MissingError as missing:
            hint = other_name(document, step.path)
            return RejectReason.MISSING_TIME, f"there is nothing at {missing}{hint}"
        if math.isnan(step_ns(found, step.unit)):
            text = f"{path_text(step.path)} is {quote(found)}, expected a number above 0"
            return RejectReason.BAD_TIME, f"{text}, in {step.unit}"
        return None

    def _of_message_time(self, timestamp: int, now: int) -> Finding | None:
        if timestamp == NO_TIME:
            found = "the message has no timestamp, or one before 1970 or after 2262"
            return RejectReason.BAD_TIME, f"{found}: set event.time to a field of the message"
        return self._of_distance("the message's timestamp", timestamp, (now, HERE))

    def _of_written_time(self, written: object, timestamp: int, now: int) -> Finding | None:
        time = self._mapping.time
        where = " and ".join(map(path_text, time.paths))
        if not isinstance(written, (int, float, str, datetime)) or isinstance(written, bool):
            expected = "a number" if time.unit else "a text"
            return RejectReason.WRONG_TYPE, f"{where} is {quote(written)}, expected {expected}"
        stamps = [timestamp if time.since == "message" else NO_TIME]
        if not time.names_year:
            stamps = [now if timestamp == NO_TIME else timestamp]
        moment = int(self._times.column([written], stamps=stamps)[0])
        hint = other_unit(written, time.unit) if time.since == "epoch" else ""
        if moment == UNREADABLE:
            how = f"a number in {time.unit}" if time.unit else f"{time.format}"
            found = f"{where} is {quote(written)}, not readable as {how}"
            # Python writes no integer of thousands of digits, such as CBOR may have.
            text = quote(written) if isinstance(written, int) else str(written)
            if not time.unit and text.strip().isdecimal():
                hint = ": set unit instead of format where it is a number of seconds, ms, us or ns"
            if time.unit and _LIKE_ISO.match(text):
                hint = ": set format: iso8601 instead of unit"
            if not time.unit and text.startswith("/Date("):
                hint = ": set unit: ms instead of format"
            if time.format not in EXCEL_FORMATS and _is_excel(text):
                hint = ": set format: excel where it is a number of days, as Excel has it"
            return RejectReason.BAD_TIME, found + hint
        clock = timestamp, "the message's own time"
        if timestamp == NO_TIME or timestamp > now:
            clock = now, HERE
        finding = self._of_distance(where, moment, clock)
        return finding and (finding[0], finding[1] + hint)

    def _of_distance(self, where: str, moment: int, clock: tuple[int, str]) -> Finding | None:
        """Hold a time against a clock, given with its name."""
        ahead, most = moment - clock[0], self._mapping.max_past
        if ahead > self._mapping.max_future:
            allowed = f"event.max_future allows {self._mapping.max_future / 1e9:.0f} s"
            found = f"{where} is {ahead / 1e9:.0f} s ahead of {clock[1]}, {allowed}"
            return RejectReason.TIME_IN_FUTURE, found
        if most is not None and -ahead > most:
            found = f"{where} is {-ahead / 1e9:.0f} s behind {clock[1]}"
            return RejectReason.TIME_IN_PAST, f"{found}, event.max_past allows {most / 1e9:.0f} s"
        return None


def _is_excel(text: str) -> bool:
    """Whether a text may be a time of Excel, between 1982 and 2091."""
    try:
        return 30_000 < float(text.strip().replace(",", ".")) < 70_000
    except ValueError:
        return False
