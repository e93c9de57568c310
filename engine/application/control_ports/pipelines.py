"""The ports of what runs: pipelines, backtests and datasets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.domain.control.backtest import Backtest
from engine.domain.control.dataset import Dataset
from engine.domain.control.page import Page, Position
from engine.domain.control.pipeline_version import PipelineVersion
from engine.domain.control.stored_anomaly import StoredAnomaly


class PipelineRepository(Protocol):
    """The versions of pipelines."""

    def newest(self) -> list[PipelineVersion]:
        """Return the newest version of each pipeline, by name."""
        ...

    def get(self, name: str, number: int | None) -> PipelineVersion | None:
        """Return a version, the newest for None."""
        ...

    def versions(self, name: str) -> list[PipelineVersion]:
        """Return all versions of a pipeline, the newest first."""
        ...

    def add(self, version: PipelineVersion) -> None:
        """Store a version.

        Raises:
            StaleError: there is one of this number.
        """
        ...

    def remove(self, name: str) -> None:
        """Remove all versions of a pipeline."""
        ...


class BacktestRepository(Protocol):
    """The backtests, and the anomalies that they found."""

    def add(self, backtest: Backtest) -> None:
        """Store a new one."""
        ...

    def get(self, backtest_id: str) -> Backtest | None:
        """Return the backtest of an id; within a writing unit of work nobody else changes it."""
        ...

    def save(self, backtest: Backtest) -> None:
        """Store a changed one."""
        ...

    def find(self, pipeline: str | None, behind: Position | None, limit: int) -> Page[Backtest]:
        """Return a page of them by the time they were asked for and id, the newest first."""
        ...

    def next_queued(self) -> Backtest | None:
        """Return the one that has waited for longest, which nobody else takes."""
        ...

    def waiting(self) -> int:
        """Return how many are queued."""
        ...

    def running(self, host: str) -> list[Backtest]:
        """Return those that a server runs."""
        ...

    def add_anomalies(self, backtest_id: str, anomalies: Sequence[StoredAnomaly]) -> None:
        """Store anomalies that a backtest found; those that are there stay."""
        ...

    def anomalies(
        self, backtest_id: str, behind: Position | None, limit: int
    ) -> Page[StoredAnomaly]:
        """Return a page of the anomalies of a backtest by event time and id, the newest first."""
        ...

    def prune(self, before: int) -> int:
        """Remove those asked for before that are over, with their anomalies; return how many."""
        ...


class DatasetRepository(Protocol):
    """The datasets."""

    def all(self) -> list[Dataset]:
        """Return all by name."""
        ...

    def get(self, name: str) -> Dataset | None:
        """Return the dataset of a name; within a writing unit of work nobody else changes it."""
        ...

    def put(self, dataset: Dataset) -> None:
        """Store one, in place of the one of its name.

        Raises:
            StaleError: another caller has stored a dataset of this name.
        """
        ...

    def remove(self, name: str) -> None:
        """Remove one."""
        ...
