"""What remains of an entity that has sent nothing for longer than `state.idle_after`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.commands import run_command

NAME = "jane-doe"
PIPELINE = """
name: wearables
source: {file: {path: in.ndjson}}
event: {key: person, time: {path: ts, unit: ms}, values: [pulse]}
detectors: [zscore]
sinks: {anomalies: {file: {path: anomalies.ndjson}}}
state: {directory: state, idle_after: 60s, checkpoint_interval: 1s}
metrics: null
"""


def write(folder: Path, begin: int, end: int, *people: str) -> None:
    with (folder / "in.ndjson").open("a") as file:
        for n in range(begin, end):
            for person in people:
                reading = {
                    "person": person,
                    "ts": 1_767_225_600_000 + n * 1000,
                    "pulse": 60 + n % 7,
                }
                file.write(json.dumps(reading) + "\n")


def with_name(folder: Path) -> list[str]:
    files = sorted(path for path in (folder / "state").rglob("*") if path.is_file())
    return [path.parent.name for path in files if NAME.encode() in path.read_bytes()]


def test_an_idle_entity_remains_in_the_control_log_alone(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(PIPELINE)
    write(tmp_path, 0, 200, NAME, "someone")
    first = run_command("run", "p.yaml", folder=tmp_path)
    words = ("reset", "--entities", NAME, "--why", "asked to be erased")
    reset = run_command("control", "p.yaml", *words, folder=tmp_path)
    before = with_name(tmp_path)
    write(tmp_path, 200, 400, "someone")
    second = run_command("run", "p.yaml", folder=tmp_path)

    assert (first.returncode, reset.returncode, second.returncode) == (0, 0, 0)
    assert before == ["state", "tasks"]
    assert with_name(tmp_path) == ["state"]
    assert NAME in (tmp_path / "state" / "control.log").read_text()
