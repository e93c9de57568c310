"""The control log in a file: appended to by commands, followed by a run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.application.live_control.log_file import NAME, ControlLog
from engine.application.live_control.records import ControlRecord, in_force
from engine.domain.errors import FatalError, PynomalyError

WHEN = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def log(tmp_path: Path) -> ControlLog:
    return ControlLog(tmp_path)


def add(log: ControlLog, kind: str = "silence", **content: Any) -> ControlRecord:
    def make(number: int) -> ControlRecord:
        common = {"id": f"{kind}-{number}", "number": number, "who": "me", "when": str(WHEN)}
        return ControlRecord.model_validate({**common, kind: content})

    return log.append(make)


def test_records_are_read_as_they_were_written(log: ControlLog) -> None:
    weekly = {"days": ["sat"], "from": "22:00", "until": "06:00", "zone": "Europe/Berlin"}
    written = [add(log, entities=["press-*"], weekly=weekly), add(log, "reset", entities=["a"])]

    other = ControlLog(log.path.parent)

    assert other.read()
    assert other.records == written == log.records
    assert [record.id for record in written] == ["silence-1", "reset-2"]
    assert not other.read(), "nothing is new"


def test_two_writers_give_numbers_in_turn(log: ControlLog) -> None:
    other = ControlLog(log.path.parent)

    numbers = [add(one).number for one in (log, other, log, other)]

    assert numbers == [1, 2, 3, 4]


def test_a_line_without_an_end_does_not_count_and_is_replaced(log: ControlLog) -> None:
    add(log)
    with log.path.open("ab") as file:
        file.write(b'{"id": "silence-2", "num')
    follower = ControlLog(log.path.parent)
    follower.read()

    assert follower.count == 1
    assert add(log).number == 2
    follower.read()
    assert [record.number for record in follower.records] == [1, 2]


def test_a_line_that_is_no_record_is_reported_and_left_out(
    log: ControlLog, caplog: pytest.LogCaptureFixture
) -> None:
    add(log)
    with log.path.open("ab") as file:
        file.write(
            b'{"id": "future-2", "number": 2, "who": "me", "when": "2026-03-01T00:00:00Z"}\n'
        )

    third = add(log)

    assert third.number == 3
    assert [record.number for record in log.records] == [1, 3]
    assert f"{log.path}:3: no control record" in caplog.text


def test_another_log_in_its_place_is_read_from_its_start(log: ControlLog) -> None:
    add(log)
    follower = ControlLog(log.path.parent)
    follower.read()
    log.path.unlink()
    assert follower.read()
    assert (follower.id, follower.records) == ("", [])
    new = ControlLog(log.path.parent)
    add(new, entities=["b"])
    add(new)

    follower.read()

    assert follower.records == new.records


def test_a_file_that_others_may_write_to_is_refused(log: ControlLog) -> None:
    add(log)
    log.path.chmod(0o666)

    with pytest.raises(PynomalyError, match=r"may be written to by others.*chmod go-w"):
        add(log)
    with pytest.raises(PynomalyError, match="may be written to by others"):
        ControlLog(log.path.parent).read()


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / NAME).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match="symbolic links"):
        add(ControlLog(tmp_path))


def test_a_file_of_another_kind_is_refused(log: ControlLog) -> None:
    log.path.write_text("{}\n")

    with pytest.raises(FatalError, match="is not a control log of this release"):
        log.read()


def test_in_force_is_what_has_neither_ended_nor_been_revoked(log: ControlLog) -> None:
    add(log, until="2026-03-01T06:00:00Z")
    add(log)
    add(log, "pause", entities=["a"])
    add(log, "reset", entities=["a"])
    add(log, "revoke", id="silence-2")

    assert [one.id for one in in_force(log.records, WHEN)] == ["silence-1", "pause-3"]
    assert [one.id for one in in_force(log.records, WHEN.replace(hour=7))] == ["pause-3"]
    assert [one.id for one in in_force(log.records)] == ["silence-1", "pause-3"]
