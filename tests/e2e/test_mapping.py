"""Mappings of real shapes, from files through the command line to scores and dead letters."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.test_pipeline import run

START = 1_704_067_200_000


def scored(
    folder: Path, lines: str, event: dict[str, Any], name: str = "in.ndjson", **source: Any
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Run a pipeline over a file; return its scores and its dead letters."""
    (folder / name).write_text(lines)
    done = run("run", pipeline_file(folder, event, name, **source))
    assert done.returncode == 0, done.stderr
    paths = [folder / f"{role}.ndjson" for role in ("scores", "dead_letters")]
    texts = [path.read_text() if path.exists() else "" for path in paths]
    scores, letters = ([json.loads(line) for line in text.splitlines()] for text in texts)
    return scores, letters


def pipeline_file(folder: Path, event: dict[str, Any], name: str, **source: Any) -> Path:
    outputs = {role: folder / f"{role}.ndjson" for role in ("anomalies", "scores", "dead_letters")}
    pipeline = {
        "name": "p",
        "source": {"file": {"path": str(folder / name), **source}},
        "event": event,
        "detectors": ["zscore"],
        "sinks": {role: {"file": {"path": str(path)}} for role, path in outputs.items()},
        "state": {"directory": str(folder / "state")},
        "metrics": None,
    }
    file = folder / "p.yaml"
    file.write_text(yaml.safe_dump(pipeline))
    return file


def test_ids_in_csv_stay_ten_entities(tmp_path: Path) -> None:
    ids = ["007", "7", "1_2", "12", "5e10", "5f10", "inf", "nan", "0001E4", "1e5"]
    rows = [f"{name},{START + i * 1000},{i}" for i in range(3) for name in ids]
    event = {"key": "id", "time": {"path": "ts", "unit": "ms"}, "values": ["temp"]}

    scores, letters = scored(tmp_path, "\ufeffid,ts,temp\n" + "\n".join(rows), event, "in.csv")

    assert letters == []
    assert {score["entity"] for score in scores} == set(ids)


def test_a_path_through_an_array_of_objects_ends_no_run(tmp_path: Path) -> None:
    good: Any = [{"tags": {"host": "web-1"}, "fields": {"idle": 90}}]
    shapes = [good, [], [7], [{"tags": "none"}], good]
    lines = [json.dumps({"ts": START, "metrics": shape}) for shape in shapes]
    event = {
        "key": "metrics[0].tags.host",
        "time": {"path": "ts", "unit": "ms"},
        "values": {"idle": "metrics[0].fields.idle"},
    }

    scores, letters = scored(tmp_path, "\n".join(lines), event)

    assert [score["entity"] for score in scores] == ["web-1"] * 2
    assert [letter["offset"] for letter in letters] == ["1", "2", "3"]


def test_elements_of_messages_are_scored_with_ids_of_their_own(tmp_path: Path) -> None:
    def port(name: str, octets: object) -> dict[str, object]:
        return {"ts": START, "tags": {"port": name}, "values": {"octets": octets}}

    message = [port("eth1", 1), port("eth2", "x"), port("eth3", 3)]
    event = {
        "explode": "$message",
        "where": {"not": {"path": "tags.port", "equals": "lo"}},
        "key": "tags.port",
        "time": {"path": "ts", "unit": "ms"},
        "values": {"octets": "values.octets"},
    }

    scores, letters = scored(tmp_path, json.dumps([*message, port("lo", 5)]), event)

    assert [(score["entity"], score["origin"]["index"]) for score in scores] == [
        ("eth1", 0),
        ("eth3", 2),
    ]
    assert len({score["id"] for score in scores}) == 2
    assert [(letter["reason"], letter["index"]) for letter in letters] == [("wrong_type", "1")]
    assert json.loads(letters[0]["value"]) == port("eth2", "x")


def test_a_european_csv_file_is_read_as_it_is(tmp_path: Path) -> None:
    rows = [f"silo;01.02.2024 00:{minute:02d};20,{minute};1013,1" for minute in range(10)]
    event = {
        "key": "station",
        "time": {"path": "zeit", "format": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"},
        "values": ["temp", "druck"],
    }

    text = "\n".join(["station;zeit;temp;druck", *rows])
    scores, letters = scored(tmp_path, text, event, "in.csv")

    assert letters == []
    assert len(scores) == 10
    assert scores[0]["time_ns"] == 1_706_742_000_000_000_000


def test_the_good_part_of_a_damaged_file_is_scored_and_the_run_fails(tmp_path: Path) -> None:
    lines = [json.dumps({"id": "a", "ts": START + i, "v": i * 0.1}) for i in range(20_000)]
    packed = gzip.compress("\n".join(lines).encode())
    (tmp_path / "in.ndjson.gz").write_bytes(packed[: len(packed) // 2])
    event = {"key": "id", "time": {"path": "ts", "unit": "ms"}, "values": ["v"]}
    file = pipeline_file(tmp_path, event, "in.ndjson.gz")

    done = run("run", file)

    assert done.returncode == 2
    assert "is cut off or damaged" in done.stderr
    scores = (tmp_path / "scores.ndjson").read_text().splitlines()
    assert 1_000 < len(scores) < 20_000
    letters = tmp_path / "dead_letters.ndjson"
    assert [json.loads(line)["reason"] for line in letters.read_text().splitlines()] == [
        "unreadable"
    ]
    tried = run("rejects", letters, "--try", file)
    assert "1 are not there as a whole, and cannot be tried" in tried.stdout


def test_rejects_are_shown_by_reason_tried_and_written_out_once(tmp_path: Path) -> None:
    message = [{"id": "a", "ts": START, "v": v} for v in (1, "2,5", "on", "?", None)]
    event = {
        "explode": "$message",
        "key": "id",
        "time": {"path": "ts", "unit": "ms"},
        "values": ["v"],
    }
    lines = "\n".join([json.dumps(message), "no json", json.dumps(message[0])])
    scores, letters = scored(tmp_path, lines, event)
    path, again = tmp_path / "dead_letters.ndjson", tmp_path / "again.ndjson"
    # As after a crash, that writes some of them twice.
    path.write_text(path.read_text() * 2)
    value = {"path": "v", "as": "number", "decimal": ",", "map": {"on": 1}}
    changed = pipeline_file(tmp_path, {**event, "values": {"v": value}}, "again.ndjson")

    shown = run("rejects", path)
    tried = run("rejects", path, "--try", changed, "--write", again)
    refused = run("rejects", path, "--try", changed, "--write", again)

    assert (len(scores), len(letters)) == (2, 5)
    assert f"{path}: 5 dead letters" in shown.stdout
    assert "wrong_type  3" in shown.stdout
    assert "expected a number: set as: number and decimal" in shown.stdout
    assert "in.ndjson[0]@0.1" in shown.stdout
    assert "2 become events" in tried.stdout
    assert "3 are rejected" in tried.stdout
    assert [json.loads(line)["v"] for line in again.read_text().splitlines()] == ["2,5", "on"]
    assert (refused.returncode, "is there already" in refused.stderr) == (2, True)
