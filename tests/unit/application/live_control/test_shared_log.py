"""The control log of a plug-in: places in it are the numbers of records."""

from __future__ import annotations

import pytest

from engine.application.live_control.records import ControlRecord
from engine.application.live_control.shared_log import SharedLog
from engine.application.ports import Settings


class Lines:
    """A log in memory, in which another one may begin."""

    Settings = Settings
    where = "memory"

    def __init__(self, lines: list[bytes]) -> None:
        self.id = ""
        self.lines = lines
        self._read = 0

    def read(self, wait: float) -> list[tuple[int, bytes]]:
        found = [(number + 1, line) for number, line in enumerate(self.lines)][self._read :]
        self._read = len(self.lines)
        self.id = self.id or ("one" if self.lines else "")
        return found

    def append(self, line: bytes) -> int:
        self.lines.append(line)
        return len(self.lines)

    def begin_anew(self) -> None:
        self.id, self._read = "two", 0
        self.lines.clear()

    def check(self) -> None: ...

    def close(self) -> None:
        """Nothing is open."""


def pause(number: int) -> ControlRecord:
    fields = {"who": "anna", "when": "2026-03-01T00:00:00+00:00", "pause": {}}
    return ControlRecord.model_validate({"id": f"pause-{number}", "number": number, **fields})


def test_a_record_has_the_number_of_its_place_though_others_write_meanwhile() -> None:
    shared: list[bytes] = []
    ours, theirs = SharedLog(Lines(shared)), SharedLog(Lines(shared))

    def make(number: int) -> ControlRecord:
        if number == 1 and not shared:
            theirs.append(pause)
        return pause(number)

    written = ours.append(make)

    assert (written.id, written.number) == ("pause-2", 2)
    assert [record.id for record in ours.records] == ["pause-1", "pause-2"]


def test_another_log_replaces_what_was_read() -> None:
    plugin = Lines([])
    log = SharedLog(plugin)
    log.append(pause)
    plugin.begin_anew()
    log.read()

    assert (log.id, log.records, log.count) == ("two", [], 0)


@pytest.mark.parametrize("line", [b"garbage", b"[]", b'{"who": "anna"}'])
def test_what_is_no_record_is_told_and_left_out(
    line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    log = SharedLog(Lines([line]))

    log.read()

    assert (log.records, log.count) == ([], 1)
    assert "memory, record 1: no control record" in caplog.text
