"""Following files: one that is not there is reported with its whole path."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

import pytest

from engine.application.control.follow import Followed, Follower
from engine.application.control.memory_store import MemoryStore
from engine.application.telemetry.metrics import value_of
from engine.application.telemetry.server_metrics import ServerMetrics
from tests.support.prometheus_servers import wait_for


@pytest.mark.parametrize("is_there", [True, False])
def test_a_file_that_is_not_there_yet_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, is_there: bool
) -> None:
    path = tmp_path / "anomalies.ndjson"
    if is_there:
        path.touch()
    settings = {"path": str(path), "format": "ndjson", "follow": True}
    stop, metrics = Event(), ServerMetrics()
    followed = Followed("file", settings, "file")
    follower = Follower(MemoryStore(), followed, tmp_path / "own", stop, metrics)
    thread = Thread(target=follower.run)

    thread.start()
    try:
        wait_for(lambda: value_of(metrics.following) == 1, "the follower")
    finally:
        stop.set()
        thread.join(60)

    assert (f"there is no {path} yet" in caplog.text) is not is_there
