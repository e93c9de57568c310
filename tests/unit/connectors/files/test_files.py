from __future__ import annotations

import gzip
import json
import os
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from bytewax.inputs import StatefulSourcePartition

import connectors.files.stdin as stdin_module
from connectors.delivery.json_line import json_line
from connectors.delivery.rejected import RejectedRecords
from connectors.files.sink import FileSink, FileSinkSettings, FileWriter, State
from connectors.files.source import FileSource, FileSourceSettings
from connectors.files.stdin import StdinSettings, StdinSource
from connectors.files.stdout import StdoutSettings, StdoutSink
from engine.application.ports import RunContext
from engine.domain.batch import RawBatch
from engine.domain.errors import ConnectorError
from engine.domain.record import Record


def source(path: Path | str) -> FileSource:
    return FileSource(FileSourceSettings(path=str(path)), RunContext("t"))


def drain(part: StatefulSourcePartition[RawBatch, int]) -> list[tuple[int, bytes | None]]:
    found: list[tuple[int, bytes | None]] = []
    while True:
        try:
            for batch in part.next_batch():
                found += zip(batch.offsets.tolist(), batch.values, strict=True)
        except StopIteration:
            return found


def test_lines_keep_their_numbers_and_blank_ones_are_none(tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_bytes(b'{"a":1}\n\n  \n{"a":2}\r\nlast')
    part = source(file).source().build_part("s", "0", None)

    assert drain(part) == [(0, b'{"a":1}'), (3, b'{"a":2}'), (4, b"last")]
    assert part.snapshot() == 5
    assert drain(source(file).source().build_part("s", "0", 3)) == [(3, b'{"a":2}'), (4, b"last")]


def test_csv_rows_are_objects_and_gz_is_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "a.csv.gz"
    file.write_bytes(gzip.compress(b"name,x,y\none,1,2.5\ntwo,,z\nth\xff,1,1\n"))
    rows = [value for _, value in drain(source(file).source().build_part("s", "0", None))]

    assert orjson.loads(rows[0] or b"") == {"name": "one", "x": 1, "y": 2.5}
    assert orjson.loads(rows[1] or b"") == {"name": "two", "y": "z"}
    assert rows[2] == b"th\xff,1,1"


IDS = ["007", "7", "1_2", "12", "5e10", "5f10", "inf", "nan", "0001E4", "1e5"]


def test_ids_that_look_like_numbers_stay_texts(tmp_path: Path) -> None:
    file = tmp_path / "ids.csv"
    file.write_text("sensor,temp\n" + "".join(f"{name},1_2\n{name},7e1\n" for name in IDS))
    plugin = FileSource(
        FileSourceSettings(path=str(file)), RunContext("t", text_fields=frozenset({"sensor"}))
    )

    rows = drain(plugin.source().build_part("s", "0", None))

    found = [orjson.loads(value or b"") for _, value in rows]

    assert [row["sensor"] for row in found[::2]] == IDS
    assert [row["temp"] for row in found[:2]] == ["1_2", 70.0]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.csv", b"sensor,temp\ns1,2\n", [b'{"sensor":"s1","temp":2}']),
        ("a.ndjson", b'{"a":1}\n{"a":2}\n', [b'{"a":1}', b'{"a":2}']),
    ],
)
def test_a_byte_order_mark_is_no_part_of_the_first_line(
    tmp_path: Path, name: str, text: bytes, expected: list[bytes]
) -> None:
    file = tmp_path / name
    file.write_bytes(b"\xef\xbb\xbf" + text)

    rows = drain(source(file).source().build_part("s", "0", None))

    assert [value for _, value in rows] == expected


def test_a_pattern_is_one_partition_a_file(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.ndjson").write_text(name)
    plugin = source(tmp_path / "*.ndjson")
    flow = plugin.source()

    assert flow.list_parts() == ["0", "1"]
    assert drain(flow.build_part("s", "1", None)) == [(0, b"b")]
    assert [batch.values for batch in plugin.check(5)] == [[b"a"], [b"b"]]
    assert plugin.topic.endswith("*.ndjson")
    plugin.finish()


def test_no_file_and_an_unreadable_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConnectorError, match="no file matches"):
        source(tmp_path / "x*").check(1)

    with pytest.raises(ConnectorError, match="is a directory: set a pattern"):
        source(tmp_path).check(1)


def test_a_draining_file_ends(tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_text("x")
    plugin = source(file)
    plugin.context.draining.set()

    assert drain(plugin.source().build_part("s", "0", None)) == []


def record(text: str) -> Record:
    return Record(b"k", text.encode(), (("pynomaly-schema-version", b"1"),), 0, "1")


def anomaly(number: int, **more: object) -> Record:
    content = orjson.dumps({"id": f"id{number}", "severity": "minor", **more})
    return Record(b"k", content, (("pynomaly-schema-version", b"1"),), 0, f"id{number}")


def writer(file: Path, states: list[State]) -> FileWriter:
    context = RunContext("t")
    return (
        FileSink(FileSinkSettings(path=str(file)), context, "anomalies")
        .sink()
        .build_part("anomalies", "0", states)
    )


def ids(file: Path) -> list[str]:
    return [orjson.loads(line)["id"] for line in file.read_bytes().splitlines()]


def test_lines_behind_the_checkpoint_are_not_written_again(tmp_path: Path) -> None:
    file = tmp_path / "new" / "out.ndjson"
    part = writer(file, [])
    part.write_batch([[anomaly(1)]])
    stored = part.snapshot()
    part.write_batch([[anomaly(2), anomaly(3)]])
    part.close()

    part = writer(file, [stored])
    part.write_batch([[anomaly(2), anomaly(3), anomaly(4)]])
    part.close()

    assert ids(file) == ["id1", "id2", "id3", "id4"]


def test_a_crash_while_they_come_again_reads_them_back_once_more(tmp_path: Path) -> None:
    file = tmp_path / "out.ndjson"
    part = writer(file, [])
    stored = part.snapshot()
    part.write_batch([[anomaly(1), anomaly(2)]])
    part.close()
    part = writer(file, [stored])
    part.write_batch([[anomaly(1)]])
    again = part.snapshot()
    part.close()

    part = writer(file, [again])
    part.write_batch([[anomaly(2), anomaly(3)]])
    part.close()

    assert ids(file) == ["id1", "id2", "id3"]


def test_several_processes_share_a_file(tmp_path: Path) -> None:
    file = tmp_path / "out.ndjson"
    first, second = writer(file, []), writer(file, [])
    first.write_batch([[anomaly(1)]])
    second.write_batch([[anomaly(2)]])
    early, late = first.snapshot(), second.snapshot()
    first.write_batch([[anomaly(3)]])
    second.write_batch([[anomaly(4)]])
    first.close()
    second.close()

    # One process has the tasks of both from now on.
    part = writer(file, [early, late])
    part.write_batch([[anomaly(3), anomaly(5)], [anomaly(4)]])
    part.close()

    assert ids(file) == ["id1", "id2", "id3", "id4", "id5"]


def test_half_a_line_of_a_killed_process_is_cut_off(tmp_path: Path) -> None:
    file = tmp_path / "out.ndjson"
    file.write_bytes(b'{"id": "id1", "severity": "minor"}\n{"id": "id2", "sev')

    part = writer(file, [{"path": str(file), "size": 0}])
    part.write_batch([[anomaly(1), anomaly(2)]])
    part.close()

    assert ids(file) == ["id1", "id2"]


def test_another_file_counts_from_where_it_ends(tmp_path: Path) -> None:
    file, other = tmp_path / "out.ndjson", tmp_path / "other.ndjson"
    file.write_bytes(orjson.dumps({"id": "id1", "severity": "minor"}) + b"\n")

    part = writer(file, [{"path": str(other), "size": 0}])
    part.write_batch([[anomaly(1)]])
    part.close()

    assert ids(file) == ["id1", "id1"]


def test_a_file_that_was_emptied_is_begun_again(tmp_path: Path) -> None:
    file = tmp_path / "out.ndjson"

    part = writer(file, [{"path": str(file), "size": 10_000}])
    part.write_batch([[anomaly(1)]])
    part.close()

    assert ids(file) == ["id1"]


def test_scores_and_anomalies_of_one_file_are_distinguished(tmp_path: Path) -> None:
    file = tmp_path / "out.ndjson"
    score = orjson.dumps({"id": "id1", "score": 0.5})
    file.write_bytes(score + b"\n")

    part = writer(file, [{"path": str(file), "size": 0}])
    part.write_batch([[anomaly(1)]])
    part.close()

    assert ids(file) == ["id1", "id1"]


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    plugin = FileSink(FileSinkSettings(path=str(tmp_path / "x")), RunContext("t"), "anomalies")

    with pytest.raises(ConnectorError, match="cannot be written"):
        plugin.check()


def test_a_dead_letter_is_one_json_line_whatever_its_bytes() -> None:
    letter = Record(
        None,
        b"\xff\n",
        (("pynomaly-id", b"2"), ("pynomaly-reason", b"bad_utf8"), ("own", b"1")),
        0,
        "2",
    )
    line = json_line(letter)

    assert line.count(b"\n") == 1
    expected: dict[str, object] = {"id": "2", "reason": "bad_utf8", "key": None}
    expected |= {"value_base64": "/wo=", "headers": {"own": "1"}}
    assert json.loads(line) == expected


def test_the_standard_input_is_read_as_it_comes(monkeypatch) -> None:
    reading, writing = os.pipe()
    monkeypatch.setattr(stdin_module, "STDIN", reading)
    plugin = StdinSource(StdinSettings(), RunContext("t"))

    assert plugin.check(1) == []
    assert plugin.source().list_parts() == ["0"]
    part = plugin.source().build_part("s", "0", 10)
    assert part.next_batch() == []
    assert part.next_awake() is not None
    os.write(writing, b"one\ntw")
    (batch,) = part.next_batch()
    assert (batch.offsets.tolist(), batch.values) == ([10], [b"one"])
    assert part.next_awake() is None
    os.write(writing, b"o\n\nrest")
    os.close(writing)
    assert [batch.values for batch in part.next_batch()] == [[b"two"]]
    assert drain(part) == [(13, b"rest")]
    assert part.snapshot() == 14
    plugin.finish()
    os.close(reading)


def test_a_draining_standard_input_ends() -> None:
    plugin = StdinSource(StdinSettings(), RunContext("t"))
    plugin.context.draining.set()

    with pytest.raises(StopIteration):
        plugin.source().build_part("s", "0", None).next_batch()


def test_the_standard_output_gets_a_line_a_record(capfdbinary) -> None:
    plugin = StdoutSink(StdoutSettings(), RunContext("t"), "anomalies")
    plugin.check()

    assert plugin.sink().list_parts() == ["0"]
    part = plugin.sink().build_part("s", "0", None)
    part.write_batch([[record("one"), record("two")]])
    part.snapshot()
    assert capfdbinary.readouterr().out == b"one\ntwo\n"


def test_idle_waits_are_short() -> None:
    assert timedelta(0) < stdin_module.IDLE < timedelta(milliseconds=100)


def bounded(file: Path, max_size: str, states: list[State]) -> FileWriter:
    chosen = FileSinkSettings.model_validate({"path": str(file), "max_size": max_size})
    return FileWriter(FileSink(chosen, RunContext("t"), "dead_letters"), states)


def kept(file: Path) -> list[str]:
    """Return the ids in the older file and in the file."""
    both = [file.with_name(f"{file.name}.1"), file]
    return [one for part in both if part.exists() for one in ids(part)]


def test_a_file_with_a_limit_keeps_the_newest_records(tmp_path: Path) -> None:
    file = tmp_path / "letters"
    part = bounded(file, "10KiB", [])

    for begin in range(0, 1_000, 10):
        part.write_batch([[anomaly(n, text="x" * 60) for n in range(begin, begin + 10)]])
        part.snapshot()
    part.close()

    assert kept(file) == [f"id{n}" for n in range(1_000 - len(kept(file)), 1_000)]
    assert 4_096 < sum(one.stat().st_size for one in tmp_path.glob("letters*")) <= 11 * 1_024


@pytest.mark.parametrize(
    ("role", "more", "full"),
    [
        ("dead_letters", {}, True),
        ("dead_letters.file", {}, True),
        ("dead_letters", {"max_size": "2GiB"}, False),
        ("dead_letters", {"max_size": None}, False),
        ("anomalies", {}, False),
    ],
)
def test_dead_letters_have_a_limit_wherever_their_file_is(
    tmp_path: Path, role: str, more: dict[str, object], full: bool
) -> None:
    file = tmp_path / "letters"
    with file.open("wb") as half:
        half.seek(2**29 - 1)
        half.write(b"\n")
    chosen = FileSinkSettings.model_validate({"path": str(file), **more})
    part = FileWriter(FileSink(chosen, RunContext("t"), role), [])

    part.snapshot()
    part.close()

    assert file.with_name("letters.1").exists() == full


def test_refused_records_have_the_same_limit(tmp_path: Path) -> None:
    file = tmp_path / "refused"
    with file.open("wb") as half:
        half.seek(2**29 - 1)
        half.write(b"\n")
    rejected = RejectedRecords(str(file), RunContext("t"), "anomalies")

    for number in range(2):
        rejected.append(anomaly(number), "no")

    assert file.with_name("refused.1").stat().st_size > 2**29
    assert ids(file) == ["id1"]


@pytest.mark.parametrize("crashed_after", range(1, 12))
def test_a_crash_around_a_rotation_loses_and_doubles_nothing(
    tmp_path: Path, crashed_after: int
) -> None:
    file = tmp_path / "letters"
    part = bounded(file, "1KiB", [])
    states = [part.snapshot()]
    for n in range(crashed_after):
        part.write_batch([[anomaly(n, text="x" * 60)]])
        states.append(part.snapshot())
    # The last snapshot was taken and never stored; what came after it is written again.
    part.write_batch([[anomaly(crashed_after, text="x" * 60)]])
    part.close()

    resumed = bounded(file, "1KiB", states[-2:-1])
    again = range(crashed_after - 1, crashed_after + 1)
    resumed.write_batch([[anomaly(n, text="x" * 60) for n in again]])
    resumed.close()

    found = [int(one.removeprefix("id")) for one in kept(file)]

    assert found == list(range(found[0], crashed_after + 1))
    assert len(found) >= min(5, crashed_after + 1)


def test_processes_that_share_a_file_follow_its_rotation(tmp_path: Path) -> None:
    file = tmp_path / "letters"
    first, second = bounded(file, "100KiB", []), bounded(file, "100KiB", [])

    first.write_batch([[anomaly(1, text="x" * 60_000)]])
    second.write_batch([[anomaly(2)]])
    first.snapshot()
    second.write_batch([[anomaly(3)]])
    second.snapshot()
    first.write_batch([[anomaly(4)]])
    first.close()
    second.close()

    assert ids(file.with_name("letters.1")) == ["id1", "id2"]
    assert ids(file) == ["id3", "id4"]


def test_a_folder_that_cannot_be_made_is_named_when_it_is_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConnectorError, match="cannot be written: File exists"):
        writer(tmp_path / "file" / "out.ndjson", [])
