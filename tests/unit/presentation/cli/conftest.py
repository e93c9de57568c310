"""Plug-ins that can be reached or not, registered the way entry points are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.application import registry
from engine.domain.batch import RawBatch
from engine.domain.errors import ConnectorError
from engine.domain.reject import Reject, RejectReason
from engine.presentation.cli.main import main
from tests.unit.application.config.conftest import POINTS, FakePoint, FakeQueue

Run = Callable[..., int]


class Reachable(FakeQueue):
    messages: tuple[bytes, ...] = (b"good", b"bad", b"good")

    def __init__(self, settings: Any, context: Any, role: str = "source") -> None:
        self._topic = settings.topic

    def check(self, samples: int = 0) -> list[RawBatch]:
        if self._topic == "missing":
            raise ConnectorError('there is no topic "missing"')
        values = self.messages[:samples]
        times = np.zeros(len(values), np.int64)
        return [RawBatch(self._topic, 0, np.arange(len(values)), times, values)]


def decode_step(pipeline: Any, context: Any) -> Callable[[list[RawBatch]], list[Any]]:
    def decode(batches: list[RawBatch]) -> list[Any]:
        good = [value for batch in batches for value in batch.values if value == b"good"]
        bad = [
            Reject(RejectReason.NOT_JSON, "it is not JSON", batch.topic, 0, row, 0, None, value)
            for batch in batches
            for row, value in enumerate(batch.values)
            if value != b"good"
        ]
        return [tuple(good), bad]

    return decode


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    sinks = {"queue": Reachable, "file": POINTS["sinks"]["file"]}
    chosen = {
        **POINTS,
        "sources": {"queue": Reachable},
        "sinks": sinks,
        "steps": {"decode": decode_step},
    }
    points = {
        group: {name: FakePoint(target) for name, target in targets.items()}
        for group, targets in chosen.items()
    }
    monkeypatch.setattr(registry, "_points", lambda group: points[group])
    registry._family.cache_clear()
    yield
    registry._family.cache_clear()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the console script with arguments; return its exit code."""

    def run(*arguments: str | Path) -> int:
        monkeypatch.setattr("sys.argv", ["pynomaly", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    return run
