"""Remove records beyond the retention time."""

from __future__ import annotations

from dataclasses import dataclass

from engine.application.control.caller import SYSTEM
from engine.application.control.recording import record
from engine.application.control.signing import KEPT_NS as SIGNING_NS
from engine.application.control.signing import PREFIX as SIGNING
from engine.application.control_ports import Store
from engine.domain.control.series import COARSE, FINE
from engine.domain.time_units import NS_PER_DAY

BATCH = 1_000
"""Rows removed in one transaction, so that it stays short."""
REPLY_NS = NS_PER_DAY
"""Time for which replies to repeated requests are kept."""
TOKEN_NS = 30 * NS_PER_DAY
"""Time for which expired tokens stay listed."""


@dataclass(frozen=True, slots=True)
class Removed:
    """Numbers of removed records."""

    anomalies: int
    incidents: int


def apply_retention(store: Store, now: int, retention: int, scores: int | None = None) -> Removed:
    """Remove anomalies and incidents whose event time is beyond the retention time.

    Args:
        store: the store of the server.
        now: ns since 1970.
        retention: ns for which they, and series in coarse steps, are kept.
        scores: ns for which series in fine steps are kept; None: as long.
    """
    before = now - retention
    anomalies = incidents = 0
    while True:
        with store.writing() as work:
            gone = (
                work.anomalies.prune(before, BATCH),
                work.incidents.prune(before, BATCH),
                work.lanes.prune(before, BATCH),
                work.series.prune(COARSE, before, BATCH),
                work.series.prune(FINE, max(before, now - (scores or retention)), BATCH),
            )
        anomalies, incidents = anomalies + gone[0], incidents + gone[1]
        if not any(gone):
            break
    with store.writing() as work:
        work.replies.prune(now - REPLY_NS)
        work.tokens.prune(now - TOKEN_NS)
        work.backtests.prune(before)
        work.sessions.prune(now - TOKEN_NS)
        work.secrets.prune(SIGNING, now - SIGNING_NS)
        if anomalies or incidents:
            removed = {"anomalies": anomalies, "incidents": incidents, "before": before}
            record(work, SYSTEM, now, "retention.apply", "store", removed, None)
    return Removed(anomalies, incidents)
