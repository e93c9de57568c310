"""Backtests in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from engine.domain.control.backtest import OVER, Backtest, Stage
from engine.domain.control.page import Page, Position
from engine.domain.control.stored_anomaly import StoredAnomaly

T = TypeVar("T")


@dataclass
class BacktestContent:
    """What is stored: backtests and their anomalies by id."""

    backtests: dict[str, Backtest] = field(default_factory=dict)
    anomalies: dict[str, dict[str, StoredAnomaly]] = field(default_factory=dict)


class MemoryBacktests:
    """The repository of backtests.

    Args:
        content: changed in place.
    """

    def __init__(self, content: BacktestContent) -> None:
        self._content = content
        self._all = content.backtests

    def add(self, backtest: Backtest) -> None:
        """Store a new one."""
        self._all[backtest.id] = backtest

    def get(self, backtest_id: str) -> Backtest | None:
        """Return the backtest of an id; within a writing unit of work nobody else changes it."""
        return self._all.get(backtest_id)

    def save(self, backtest: Backtest) -> None:
        """Store a changed one."""
        self._all[backtest.id] = backtest

    def find(self, pipeline: str | None, behind: Position | None, limit: int) -> Page[Backtest]:
        """Return a page of them by the time they were asked for and id, the newest first."""
        found = [one for one in self._all.values() if pipeline in (None, one.pipeline)]
        return _page([((one.created, one.id), one) for one in found], behind, limit)

    def next_queued(self) -> Backtest | None:
        """Return the one that has waited for longest, which nobody else takes."""
        queued = [one for one in self._all.values() if one.stage is Stage.QUEUED]
        return min(queued, key=lambda one: (one.created, one.id), default=None)

    def waiting(self) -> int:
        """Return how many are queued."""
        return sum(1 for one in self._all.values() if one.stage is Stage.QUEUED)

    def running(self, host: str) -> list[Backtest]:
        """Return those that a server runs."""
        stages = (Stage.RUNNING, Stage.COLLECTING)
        return [one for one in self._all.values() if one.host == host and one.stage in stages]

    def add_anomalies(self, backtest_id: str, anomalies: Sequence[StoredAnomaly]) -> None:
        """Store anomalies that a backtest found; those that are there stay."""
        known = self._content.anomalies.setdefault(backtest_id, {})
        for one in anomalies:
            known.setdefault(one.id, one)

    def anomalies(
        self, backtest_id: str, behind: Position | None, limit: int
    ) -> Page[StoredAnomaly]:
        """Return a page of the anomalies of a backtest by event time and id, the newest first."""
        found = self._content.anomalies.get(backtest_id, {}).values()
        return _page([((one.time, one.id), one) for one in found], behind, limit)

    def prune(self, before: int) -> int:
        """Remove those asked for before that are over, with their anomalies; return how many."""
        old = [one.id for one in self._all.values() if one.created < before and one.stage in OVER]
        for gone in old:
            del self._all[gone]
            self._content.anomalies.pop(gone, None)
        return len(old)


def _page(items: list[tuple[tuple[int, str], T]], behind: Position | None, limit: int) -> Page[T]:
    place = None if behind is None else (behind.time, behind.id)
    fitting = sorted(
        (pair for pair in items if place is None or pair[0] < place),
        key=lambda pair: pair[0],
        reverse=True,
    )
    shown = fitting[:limit]
    following = Position(*shown[-1][0]) if len(fitting) > limit else None
    return Page([one for _, one in shown], following)
