"""Lines of a file that were written after the last checkpoint, and come again after a crash."""

from __future__ import annotations

from pathlib import Path

import orjson

from connectors.files.sink import FileSink, FileSinkSettings, FileWriter, State
from engine.application.ports import RunContext
from engine.domain.record import Record


def message(number: int, incident: str = "a") -> Record:
    """A message of an incident: all of them have its id."""
    own = f"event-{number}"
    content = {"id": incident, "event": "update", "event_id": own, "severity": "minor"}
    return Record(b"k", orjson.dumps(content), (("pynomaly-schema-version", b"1"),), 0, own)


def writer(file: Path, stored: list[State]) -> FileWriter:
    plugin = FileSink(FileSinkSettings(path=str(file)), RunContext("t"), "incidents")
    return plugin.sink().build_part("incidents", "0", stored)


def events(file: Path) -> list[str]:
    return [orjson.loads(line)["event_id"] for line in file.read_bytes().splitlines()]


def test_each_message_of_an_incident_is_written_once_after_a_crash(tmp_path: Path) -> None:
    file = tmp_path / "incidents.ndjson"
    first = writer(file, [])
    first.write_batch([[message(1)]])
    stored = first.snapshot()
    first.write_batch([[message(2), message(3), message(5, "b")]])
    first.close()

    second = writer(file, [stored])
    second.write_batch([[message(2)], [message(3), message(5, "b"), message(4)]])
    second.close()

    assert events(file) == ["event-1", "event-2", "event-3", "event-5", "event-4"]


def test_news_of_an_incident_is_no_repetition_of_what_was_read_back(tmp_path: Path) -> None:
    file = tmp_path / "incidents.ndjson"
    first = writer(file, [])
    stored = first.snapshot()
    first.write_batch([[message(1)]])
    later = first.snapshot()
    first.close()

    # Of two tasks: message 1 was of the one with the later checkpoint, and does not come again.
    second = writer(file, [stored, later])
    second.write_batch([[message(2)]])
    second.close()

    assert events(file) == ["event-1", "event-2"]
