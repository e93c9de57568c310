"""Pipelines that a server runs: stored, started, looked at; they outlive the server."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.test_serve import PATIENCE, served
from tests.support.kafka_settings import free_port

PIPELINE = """
name: quick
source: {file: {path: readings.ndjson, follow: true}}
event: {key: sensor, time: {path: ts, unit: ms}, values: [temperature]}
sinks: {anomalies: {file: {path: anomalies.ndjson}}}
metrics: {port: PORT}
"""
PATH = "/api/v1/pipelines/quick"


def test_a_pipeline_runs_on_without_the_server_and_is_drained_by_the_next(
    tmp_path: Path,
) -> None:
    (tmp_path / "readings.ndjson").write_text('{"sensor": "a", "ts": 1, "temperature": 2}\n')
    port = free_port()
    text = PIPELINE.replace("PORT", str(port))
    with served(tmp_path) as (address, printed):
        headers = {"Authorization": f"Bearer {printed[-1].strip()}"}
        with httpx.Client(base_url=address, headers=headers, timeout=60) as client:
            assert client.put(PATH, json={"text": text}).status_code == 201
            started = client.post(f"{PATH}/start").json()
            ready = _until(client, lambda found: found["ready"])

    with (
        served(tmp_path) as (address, _),
        httpx.Client(base_url=address, headers=headers, timeout=60) as client,
    ):
        found = client.get(f"{PATH}/status").json()
        targets = client.get("/api/v1/targets").json()
        silence = client.post(f"{PATH}/control", json={"silence": {}})
        removed = client.delete(PATH, headers={"If-Match": "*"})
        client.post(f"{PATH}/stop")
        ended = _until(client, lambda found: found["state"] == "ended")
        log = client.get(f"{PATH}/log").json()["lines"]
        explained = client.get(f"{PATH}/explain?entity=a").json()
        unknown = client.get(f"{PATH}/explain?entity=b")
        no_targets = client.get("/api/v1/targets").json()

    assert (started["state"], started["number"]) == ("running", 1)
    assert ready["totals"]["pynomaly_events_total"] >= 0
    assert (found["state"], found["process"]) == ("running", started["process"])
    assert (silence.status_code, removed.status_code) == (201, 409)
    assert ended["exit_code"] is None
    assert targets == [
        {
            "targets": [f"127.0.0.1:{port}"],
            "labels": {"pipeline": "quick", "__scheme__": "http"},
        }
    ]
    assert (unknown.status_code, no_targets) == (404, [])
    [entity] = explained["items"]
    assert (entity["entity"], entity["events"], entity["warm"]) == ("a", 1, False)
    assert any("drain" in line for line in log)


def _until(client: httpx.Client, fits: Any) -> dict[str, Any]:
    until = time.monotonic() + 2 * PATIENCE
    while not fits(found := client.get(f"{PATH}/status").json()):
        assert time.monotonic() < until, (found, client.get(f"{PATH}/log").text)
        time.sleep(0.2)
    return dict(found)
