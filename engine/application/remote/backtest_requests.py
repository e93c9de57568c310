"""Requests of the client about backtests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import quote

from engine.application.remote.asking import Asking
from engine.application.remote.documents import Backtest


class BacktestRequests(Asking):
    """What the client asks about backtests."""

    def start_backtest(
        self, pipeline: str, source: Mapping[str, Any], number: int | None = None
    ) -> Backtest:
        """Queue a backtest of a version of a pipeline, the newest unless a number is given.

        Args:
            pipeline: its name.
            source: where the data is, as in a pipeline file.
            number: of the version.
        """
        body = {"pipeline": pipeline, "source": source, "number": number}
        return cast("Backtest", self.ask("POST", "/backtests", body))

    def backtest(self, backtest_id: str) -> Backtest:
        """Return a backtest: how far it is, and what it found."""
        return cast("Backtest", self.ask("GET", _backtest(backtest_id)))

    def backtests(self, **filters: str | None) -> Iterator[Backtest]:
        """Yield backtests, the newest first.

        Args:
            filters: pipeline.
        """
        return cast("Iterator[Backtest]", self.items("/backtests", filters))

    def cancel_backtest(self, backtest_id: str) -> Backtest:
        """Cancel a backtest.

        Raises:
            RemoteError: 409 where it is over.
        """
        path = f"{_backtest(backtest_id)}/cancel"
        return cast("Backtest", self.ask("POST", path))

    def compare_backtests(self, before: str, after: str) -> Mapping[str, Any]:
        """Return how what two backtests found differs."""
        path = f"{_backtest(after)}/comparison"
        return cast("Mapping[str, Any]", self.ask("GET", path, params={"before": before}))


def _backtest(backtest_id: str) -> str:
    return f"/backtests/{quote(backtest_id, safe='')}"
