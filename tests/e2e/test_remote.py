"""A server asked from the command line and by `pynomaly.client`."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from pynomaly.client import Client, RemoteError
from tests.e2e.test_serve import PATIENCE, PIPELINE, served
from tests.support.commands import run_command
from tests.support.dead_letters import write_letters
from tests.support.published import anomaly
from tests.support.readings import write_readings

FIRST = f"{1:032x}"


def _write(file: Path, count: int) -> None:
    file.write_text("".join(json.dumps(anomaly(n)) + "\n" for n in range(1, count + 1)))


def test_a_server_is_asked_from_the_command_line_and_from_python(tmp_path: Path) -> None:
    _write(tmp_path / "anomalies.ndjson", 120)
    (tmp_path / "quick.yaml").write_text(PIPELINE)
    write_letters(
        tmp_path / "dead_letters.ndjson", [("not_json", "unexpected end", "20.3 degrees")]
    )
    write_readings(tmp_path / "readings.ndjson")
    (tmp_path / "broken.yaml").write_text(PIPELINE.replace("unit: ms", "unit: weeks"))
    (tmp_path / "no.yaml").write_text("name: quick\nevent: {a: [b\n")
    with served(tmp_path, "--follow", "quick.yaml") as (address, printed):
        token = printed[-1].strip()

        def pynomaly(*arguments: str) -> subprocess.CompletedProcess[str]:
            environ = {**os.environ, "PYNOMALY_TOKEN": token}
            return run_command("--server", address, *arguments, folder=tmp_path, environ=environ)

        with Client(address, token) as client:
            until = time.monotonic() + PATIENCE
            while len(ids := [one["id"] for one in client.incidents(entity="pump-1")]) < 120:
                assert time.monotonic() < until
                time.sleep(0.1)
            acknowledged = pynomaly("incidents", "ack", FIRST, "-o", "json")
            with pytest.raises(RemoteError) as stale:
                client.handle_incident(FIRST, "resolve", revision=1)
            resolved = client.handle_incident(FIRST, "resolve", "probe fixed", revision=2)
            comment = client.comment_incident(FIRST, "loose")
            assigned = pynomaly("incidents", "assign", FIRST, "admin")
            shown = pynomaly("incidents", "show", FIRST)
            listed = pynomaly("incidents", "ls", "--status", "resolved")
            reopened = pynomaly("incidents", "reopen", FIRST)
            stories = pynomaly("incidents", "ls", "--stories", "--limit", "1")
            applied = pynomaly("pipelines", "apply", "-f", "quick.yaml", "-o", "yaml")
            again = client.put_pipeline("quick", PIPELINE)
            changed = client.put_pipeline("quick", f"{PIPELINE}# tidied\n")
            compared_texts = pynomaly("pipelines", "diff", "quick", "1")
            rolled_back = pynomaly("pipelines", "rollback", "quick", "1", "--why", "too loud")
            versions = pynomaly("pipelines", "versions", "quick", "-o", "json")
            never_ran = pynomaly("pipelines", "log", "quick")
            not_taken = pynomaly("pipelines", "take-over", "quick")
            letters = pynomaly("pipelines", "dead-letters", "quick")
            redriven = pynomaly("pipelines", "redrive", "quick")
            tested = pynomaly("backtests", "start", "quick", "--data", "readings.ndjson")
            until = time.monotonic() + PATIENCE
            while (backtest := next(client.backtests()))["ended"] is None:
                assert time.monotonic() < until
                time.sleep(0.2)
            compared = pynomaly("backtests", "compare", backtest["id"], backtest["id"])
            stored = [pynomaly("datasets", "put", "readings", "-f", "quick.yaml") for _ in "12"]
            sampled = pynomaly("datasets", "sample", "readings", "--messages", "2")
            suggested = pynomaly("datasets", "suggest", "-f", "quick.yaml")
            removed = pynomaly("datasets", "rm", "readings")
            no_series = pynomaly("series", "show", "quick", "pump-1")
            state = pynomaly("pipelines", "state", "quick", "-o", "json")
            reverted = pynomaly("pipelines", "revert", "quick", "--to", "2026-03-01T06:00Z")
            broken = pynomaly("pipelines", "apply", "-f", "broken.yaml")
            no_yaml = pynomaly("pipelines", "apply", "-f", "no.yaml")
            names = [one["name"] for one in client.pipelines()]

    assert len(set(ids)) == 120
    assert json.loads(acknowledged.stdout)[0]["status"] == "acknowledged"
    assert stale.value.status == 412
    assert (resolved["status"], comment["text"]) == ("resolved", "loose")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["id", FIRST]
    assert assigned.stdout.split()[-1] == "admin"
    changes = [line.split()[1:] for line in shown.stdout.splitlines()[-4:]]
    assert changes == [
        ["admin", "acknowledge"],
        ["admin", "resolve", "probe", "fixed"],
        ["admin", "comment", "loose"],
        ["admin", "assign"],
    ]
    assert reopened.stdout.split()[-2:] == ["open", "admin"]
    assert stories.stdout.splitlines()[0].split()[-2:] == ["incidents", "summary"]
    assert stories.stdout.splitlines()[1].split()[6:8] == ["1", "temperature"]
    assert compared_texts.stdout.splitlines()[-1] == "+# tidied"
    assert "back to version 1: too loud" in rolled_back.stdout
    assert [one["number"] for one in json.loads(versions.stdout)] == [3, 2, 1]
    assert "was never started by this server" in never_ran.stderr
    assert "there is nothing to take over" in not_taken.stderr
    assert "number: 1" in applied.stdout
    assert (again["number"], changed["number"], names) == (1, 2, ["quick"])
    assert letters.stdout.splitlines()[1].split() == ["not_json", "1", "unexpected", "end"]
    assert "in Kafka" in redriven.stderr
    assert "no.yaml: line 3: is not YAML: while parsing a flow sequence" in no_yaml.stderr
    assert backtest["id"] in tested.stdout
    assert (backtest["stage"], backtest["error"]) == ("done", None)
    assert backtest["found"] == {"anomalies": 1, "incidents": 1, "rejects": 1}
    assert compared.stdout.splitlines()[1].split() == ["1", "0", "0"]
    assert [one.stdout.splitlines()[1].split()[-1] for one in stored] == ["1", "2"]
    assert len(sampled.stdout.splitlines()) == 3
    assert "event:" in suggested.stdout
    assert (removed.returncode, removed.stdout) == (0, "")
    assert no_series.stdout.split()[:4] == ["value", "begin", "count", "min"]
    assert json.loads(state.stdout)[0]["partitions"] == []
    assert "checkpoint" in reverted.stderr
    assert broken.returncode == 2
    assert "line 4, /event/time/unit: " in broken.stderr
    assert token not in broken.stderr
