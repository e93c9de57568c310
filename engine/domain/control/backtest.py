"""Backtests: a version of a pipeline run over data of the past, and what it found there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from engine.domain.control.errors import ConflictError
from engine.domain.control.stored_anomaly import StoredAnomaly

MOST_ANOMALIES = 10_000
"""Anomalies of a backtest that are stored, the newest; all are counted."""


class Stage(StrEnum):
    """How far a backtest is."""

    QUEUED = "queued"
    RUNNING = "running"
    COLLECTING = "collecting"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OVER = frozenset({Stage.DONE, Stage.FAILED, Stage.CANCELLED})


@dataclass(frozen=True, slots=True)
class Found:
    """What a backtest found.

    Attributes:
        anomalies: how many; the newest of them are stored.
        incidents: how many.
        rejects: dead letters.
    """

    anomalies: int
    incidents: int
    rejects: int


@dataclass(frozen=True, slots=True)
class Backtest:
    """A run over data of the past.

    Attributes:
        id: random.
        pipeline, number, digest: the version that runs.
        source: where the data is, as in a pipeline file, as JSON.
        author: who asked for it.
        created: ns since 1970.
        stage: how far it is.
        host: the server that runs it; "" before.
        started, ended: ns since 1970; None before.
        found: None before it is done.
        error: why it failed.
        request, trace: ids of the request that asked for it; "" where there is none.
    """

    id: str
    pipeline: str
    number: int
    digest: str
    source: str
    author: str
    created: int
    stage: Stage = Stage.QUEUED
    host: str = ""
    started: int | None = None
    ended: int | None = None
    found: Found | None = None
    error: str = ""
    request: str = ""
    trace: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens."""
        return self.stage in OVER

    def begun(self, host: str, now: int) -> Backtest:
        """Return it as it runs on a server."""
        return replace(self, stage=Stage.RUNNING, host=host, started=now)

    def queued(self) -> Backtest:
        """Return it as it waits once more: the server that ran it has ended."""
        return replace(self, stage=Stage.QUEUED, host="", started=None)

    def collecting(self) -> Backtest:
        """Return it as its run has ended."""
        return replace(self, stage=Stage.COLLECTING)

    def done(self, found: Found, now: int) -> Backtest:
        """Return it with what it found."""
        return replace(self, stage=Stage.DONE, found=found, ended=now)

    def failed(self, error: str, now: int) -> Backtest:
        """Return it as it could not be run to its end."""
        return replace(self, stage=Stage.FAILED, error=error, ended=now)

    def cancelled(self, now: int) -> Backtest:
        """Return it as nobody wants it any more.

        Raises:
            ConflictError: it is over.
        """
        if self.is_over:
            raise ConflictError(f"the backtest is {self.stage} already")
        return replace(self, stage=Stage.CANCELLED, ended=now)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the anomalies of two backtests differ.

    Attributes:
        both: how many are in both: of the same entity and the same message.
        only_before, only_after: those of one alone, the newest first.
    """

    both: int
    only_before: Sequence[StoredAnomaly]
    only_after: Sequence[StoredAnomaly]


def compared(before: Sequence[StoredAnomaly], after: Sequence[StoredAnomaly]) -> Comparison:
    """Compare the anomalies of two backtests over the same data."""
    old, new = _by_origin(before), _by_origin(after)
    return Comparison(
        len(old.keys() & new.keys()),
        [one for key, one in old.items() if key not in new],
        [one for key, one in new.items() if key not in old],
    )


def _by_origin(anomalies: Sequence[StoredAnomaly]) -> Mapping[tuple[str, str], StoredAnomaly]:
    return {
        (one.entity, json.dumps(one.document.get("origin"), sort_keys=True)): one
        for one in anomalies
    }
