"""Backtests over the API: queued, run in a process, cancelled, compared."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from engine.application.control.backtest_worker import BacktestWorker
from engine.application.control.memory_store import MemoryStore
from engine.domain.control.role import Role
from tests.support.published import anomaly
from tests.unit.presentation.api.conftest import PIPELINE, Ask

PATIENCE_SECONDS = 60.0
FINDS = """
import json, sys, yaml
file = yaml.safe_load(open(sys.argv[1]))
sinks = file["sinks"]
lines = open(file["source"]["file"]["path"]).read()
open(sinks["anomalies"]["file"]["path"], "w").write(lines.replace("v1", file["event"]["key"]))
open(sinks["incidents"]["file"]["path"], "w").write('{"id": "a"}\\n{"id": "a"}\\n{"id": "b"}\\n')
"""
FAILS = 'print(\'{"log.level": "error", "message": "no such topic"}\'); raise SystemExit(2)'
TELLS = """
import os
print(os.environ["PYNOMALY_REQUEST_ID"], os.environ["PYNOMALY_TRACE_ID"])
raise SystemExit(2)
"""
TRACE = "0af7651916cd43dd8448eb211c80319c"
HANGS = "import time; print('up', flush=True); time.sleep(600)"


def worker(store: MemoryStore, folder: Path, script: str) -> BacktestWorker:
    return BacktestWorker(store, folder / "backtests", (sys.executable, "-c", script))


@pytest.fixture
def data(ask: Ask, tmp_path: Path) -> dict[str, Any]:
    """Store two versions of a pipeline; return the source of a backtest."""
    headers = {"If-Match": "*"}
    for key in ("sensor", "probe"):
        text = PIPELINE.replace("key: sensor", f"key: {key}")
        ask("put", "/pipelines/quick", json={"text": text}, headers=headers)
    file = tmp_path / "found.ndjson"
    lines = [anomaly(1), anomaly(2, entity="v1")]
    file.write_text("".join(json.dumps(one) + "\n" for one in lines))
    return {"file": {"path": str(file)}}


def started(ask: Ask, source: dict[str, Any], number: int | None = None) -> Any:
    body = {"pipeline": "quick", "number": number, "source": source}
    return ask("post", "/backtests", Role.EDITOR, json=body)


def wait_for_stage(ask: Ask, path: str, stage: str) -> dict[str, Any]:
    until = time.monotonic() + PATIENCE_SECONDS
    while (found := ask("get", path).json())["stage"] != stage:
        assert time.monotonic() < until, found
        time.sleep(0.05)
    return dict(found)


def test_a_backtest_is_queued_run_and_counted(
    ask: Ask, store: MemoryStore, tmp_path: Path, data: dict[str, Any]
) -> None:
    asked = started(ask, data, 1)
    path = asked.headers["Location"].removeprefix("/api/v1")
    queued = ask("get", path).json()
    ran = worker(store, tmp_path, FINDS).step(Event())
    done = ask("get", path, Role.VIEWER).json()
    listed = ask("get", "/backtests?pipeline=quick").json()["items"]

    assert (asked.status_code, queued["stage"], ran) == (202, "queued", True)
    assert (done["stage"], done["number"], done["author"]) == ("done", 1, "the-editor")
    assert done["found"] == {"anomalies": 2, "incidents": 2, "rejects": 0}
    assert listed == [done]
    anomalies = ask("get", f"{path}/anomalies?limit=1")
    assert anomalies.json()["items"][0]["entity"] == "sensor"
    assert "next" in anomalies.links
    assert list((tmp_path / "backtests").iterdir()) == []


def test_a_run_knows_the_request_that_asked_for_it(
    ask: Ask, store: MemoryStore, tmp_path: Path, data: dict[str, Any]
) -> None:
    sent = {"X-Request-ID": "r-1", "traceparent": f"00-{TRACE}-b7ad6b7169203331-00"}
    asked = ask("post", "/backtests", json={"pipeline": "quick", "source": data}, headers=sent)

    worker(store, tmp_path, TELLS).step(Event())

    found = ask("get", f"/backtests/{asked.json()['id']}").json()
    assert (found["request"], found["trace"]) == ("r-1", TRACE)
    assert found["error"] == f"r-1 {TRACE}"


def test_two_versions_are_compared(
    ask: Ask, store: MemoryStore, tmp_path: Path, data: dict[str, Any]
) -> None:
    first, second = (started(ask, data, number).json()["id"] for number in (1, 2))
    runs = worker(store, tmp_path, FINDS)
    early = ask("get", f"/backtests/{second}/comparison?before={first}")
    runs.step(Event())
    runs.step(Event())

    found = ask("get", f"/backtests/{second}/comparison?before={first}").json()

    assert early.status_code == 409
    assert (found["both"], found["only_before"], found["only_after"]) == (1, 1, 1)
    assert [one["entity"] for one in found["gone"] + found["new"]] == ["sensor", "probe"]


def test_a_backtest_reads_the_source_of_a_dataset(ask: Ask, data: dict[str, Any]) -> None:
    event = {"key": "a", "time": {"path": "b", "unit": "s"}, "values": ["c"]}
    ask("put", "/datasets/plant", json={"source": data, "event": event})

    found = started(ask, {"dataset": "plant"})
    unknown = started(ask, {"dataset": "other"})

    assert found.json()["source"] == data
    assert unknown.status_code == 404


def test_a_run_that_fails_says_why(
    ask: Ask, store: MemoryStore, tmp_path: Path, data: dict[str, Any]
) -> None:
    found = started(ask, data).json()["id"]

    worker(store, tmp_path, FAILS).step(Event())

    failed = ask("get", f"/backtests/{found}").json()
    assert (failed["stage"], failed["error"]) == ("failed", "no such topic")


def test_a_backtest_that_runs_is_cancelled(
    ask: Ask, store: MemoryStore, tmp_path: Path, data: dict[str, Any]
) -> None:
    path = f"/backtests/{started(ask, data).json()['id']}"
    thread = Thread(target=worker(store, tmp_path, HANGS).step, args=(Event(),))
    thread.start()
    wait_for_stage(ask, path, "running")

    cancelled = ask("post", f"{path}/cancel", Role.EDITOR)
    thread.join(PATIENCE_SECONDS)
    again = ask("post", f"{path}/cancel", Role.EDITOR)

    assert not thread.is_alive()
    assert cancelled.json()["stage"] == ask("get", path).json()["stage"] == "cancelled"
    assert again.status_code == 409


def test_what_a_server_ran_when_it_ended_runs_once_more(
    ask: Ask, store: MemoryStore, tmp_path: Path, data: dict[str, Any]
) -> None:
    path = f"/backtests/{started(ask, data).json()['id']}"
    stop = Event()
    thread = Thread(target=worker(store, tmp_path, HANGS).run, args=(stop,))
    thread.start()
    wait_for_stage(ask, path, "running")
    stop.set()
    thread.join(PATIENCE_SECONDS)
    stopped = ask("get", path).json()["stage"]

    again = Event()
    thread = Thread(target=worker(store, tmp_path, FINDS).run, args=(again,))
    thread.start()
    done = wait_for_stage(ask, path, "done")
    again.set()
    thread.join(PATIENCE_SECONDS)

    assert stopped == "queued"
    assert done["found"]["anomalies"] == 2


@pytest.mark.parametrize(
    ("source", "pointer"),
    [
        ({"stdin": {}}, "/body/source"),
        ({"file": {"path": "a.ndjson", "follow": True}}, "/body/source/file/follow"),
        ({"period": {"since": "2026-01-01T00:00:00Z"}}, "/body/source/period"),
        (
            {"period": {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}},
            "/body/source/period",
        ),
        ({"file": {"pat": "a.ndjson"}}, "/source/file/pat"),
    ],
)
def test_data_that_does_not_fit_is_reported(
    ask: Ask, data: dict[str, Any], source: dict[str, Any], pointer: str
) -> None:
    found = started(ask, source)

    assert found.status_code == 422
    assert pointer in [one["pointer"] for one in found.json()["errors"]]
