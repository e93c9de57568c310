"""The worker of backtests while its store is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from engine.application.control import backtest_worker
from engine.application.control.backtest_worker import BacktestWorker
from engine.application.control.memory_store import MemoryStore
from engine.application.control_ports import UnitOfWork
from engine.domain.errors import RetryableError

ATTEMPTS = 5


class AwayStore(MemoryStore):
    """A store that cannot be used, for some attempts."""

    def __init__(self, stop: Event) -> None:
        super().__init__()
        self._stop = stop
        self.attempts = 0

    @contextmanager
    def writing(self) -> Iterator[UnitOfWork]:
        """Fail."""
        self.attempts += 1
        if self.attempts == ATTEMPTS:
            self._stop.set()
        raise RetryableError("the database is away")
        yield


def test_a_store_that_is_away_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backtest_worker, "LOOK_SECONDS", 0.01)
    stop = Event()
    store = AwayStore(stop)

    BacktestWorker(store, tmp_path, ["true"]).run(stop)

    assert store.attempts == ATTEMPTS
    assert caplog.text.count("no backtest can be run now") == 1
