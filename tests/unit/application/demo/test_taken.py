"""The demonstration hands on the anomalies that it reads back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from engine.application.demo.fleet import Fleet
from engine.application.demo.runner import DemoRun
from tests.support.published import anomaly


class Broker:
    """Holds two anomalies in a topic, and nothing in others."""

    bootstrap = ""

    def __init__(self) -> None:
        self._waiting = [orjson.dumps(anomaly(n)) for n in (1, 2)]

    def __enter__(self) -> Broker:
        return self

    def __exit__(self, *_: object) -> None: ...

    def create_topic(self, name: str, partitions: int = 1) -> None: ...

    def send(self, topic: str, keys: Sequence[bytes], values: Sequence[bytes]) -> None: ...

    def flush(self) -> None: ...

    def read(self, topic: str, at_most: int = 10_000) -> list[bytes]:
        found = self._waiting if topic == "anomalies" else []
        self._waiting = [] if found else self._waiting
        return found


def test_anomalies_are_handed_on_as_they_were_published(tmp_path: Path) -> None:
    taken: list[dict[str, Any]] = []
    run = DemoRun(Fleet(), tmp_path, ["true"], taken=taken.extend)

    run._read_back(Broker())

    assert taken == [anomaly(1), anomaly(2)]
    assert len(run.progress.alarms) == 2
