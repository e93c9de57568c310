"""A run that writes to PostgreSQL and to a webhook, both of which fail for a while."""

from __future__ import annotations

import json
import os
import time
from http.client import HTTPException
from pathlib import Path
from threading import Thread
from urllib.request import urlopen

import orjson

from tests.support.commands import run_command
from tests.support.forked_command import ForkedCommand
from tests.support.http_receiver import SECRET, Receiver
from tests.support.kafka_settings import free_port
from tests.support.postgres_server import PASSWORD, PostgresServer

EVENTS = 30_000
SETTINGS = "longest_wait: 100ms, pause: 200ms, failures: 3, timeout: 2s"


def write_input(file: Path) -> None:
    rows = []
    for i in range(EVENTS):
        spike = i >= 8_000 and i % 1_000 == i // 1_000 % 20
        event = {"id": f"s{i % 20}", "ts": 1_767_225_600 + i // 20 * 60, "v": i % 7 + 500 * spike}
        rows.append(b"garbage" if i % 300 == 0 else orjson.dumps(event))
    file.write_bytes(b"\n".join(rows))


def pipeline(folder: Path, receiver: Receiver, server: PostgresServer) -> tuple[Path, int]:
    port, file = free_port(), folder / "p.yaml"
    file.write_text(
        f"""
name: p
source: {{file: {{path: "{folder}/in.ndjson"}}}}
event: {{key: id, time: {{path: ts, unit: s}}, values: [v]}}
detectors: [{{zscore: {{half_life: 100}}}}]
alert: {{p_value: 0.001}}
sinks:
  anomalies: {{webhook: {{url: "{receiver.url}", secret: "${{KEY}}", rate: 10000, {SETTINGS}}}}}
  dead_letters: {{postgres: {{url: "{server.url}", password: "${{PASSWORD}}", {SETTINGS}}}}}
state: {{directory: "{folder}/state", checkpoint_interval: 500ms}}
metrics: {{port: {port}}}
"""
    )
    return file, port


def breakers(port: int) -> dict[str, float]:
    """Return the state of each sink's breaker."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
            lines = page.read().decode().splitlines()
    except (OSError, HTTPException):
        return {}
    found = [line for line in lines if line.startswith("pynomaly_sink_breaker_state{")]
    return {line.split('sink="')[1].split('"')[0]: float(line.split()[-1]) for line in found}


def watch(
    running: ForkedCommand, port: int, server: PostgresServer, receiver: Receiver
) -> set[str]:
    """Return whose breakers opened until the run ends; each comes back after its own did."""
    opened: set[str] = set()
    starting = Thread(target=server.start)
    until = time.monotonic() + 120
    while running.poll() is None and opened != {"anomalies", "dead_letters"}:
        new = {role for role, state in breakers(port).items() if state == 2} - opened
        if "dead_letters" in new:
            # Beside us: the other breaker may open and close while it starts.
            starting.start()
        if "anomalies" in new:
            receiver.answers.clear()
        opened |= new
        assert time.monotonic() < until, opened
        time.sleep(0.02)
    starting.join()
    return opened


def test_nothing_is_lost_while_both_are_away(tmp_path: Path) -> None:
    write_input(tmp_path / "in.ndjson")
    with PostgresServer() as server, Receiver() as receiver:
        file, port = pipeline(tmp_path, receiver, server)
        receiver.answers = [503] * 1_000
        server.kill()
        environment = os.environ | {"KEY": SECRET, "PASSWORD": PASSWORD}
        with (tmp_path / "log").open("wb") as lines:
            running = ForkedCommand("run", file, environ=environment, stderr=lines)
        try:
            opened = watch(running, port, server, receiver)
            code = running.wait(120)
        finally:
            running.kill()
        log = (tmp_path / "log").read_text()
        assert code == 0, log
        assert opened == {"anomalies", "dead_letters"}
        rows = server.query("SELECT count(*), count(DISTINCT id) FROM pynomaly_dead_letters")
    ids = [one for one, _ in receiver.delivered]

    assert rows == [(EVENTS // 300, EVENTS // 300)]
    assert len(ids) == len(set(ids)) > 10
    assert receiver.forged == []
    assert all(body["pipeline"] == "p" for _, body in receiver.delivered)
    assert "retrying" in log
    assert "/hook" not in log
    assert SECRET not in log
    assert PASSWORD not in log


def test_a_webhook_cannot_promise_once_and_is_refused(tmp_path: Path) -> None:
    with Receiver() as receiver:
        file = tmp_path / "p.yaml"
        file.write_text(
            f"""
name: p
source: {{file: {{path: in}}}}
event: {{key: id, values: [v]}}
delivery: exactly_once
sinks: {{anomalies: {{webhook: {{url: "{receiver.url}", secret: "${{KEY}}"}}}}}}
"""
        )
        done = run_command("validate", file, environ=os.environ | {"KEY": SECRET})

    assert done.returncode == 2
    assert "webhook cannot deliver exactly once" in done.stderr
    assert json.dumps(SECRET)[1:-1] not in done.stderr
