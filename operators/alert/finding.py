"""An anomaly with what the step needs to count and to send it."""

from __future__ import annotations

from typing import NamedTuple

from engine.domain.anomaly import Anomaly


class Finding(NamedTuple):
    """An anomaly, the detector that gives it the most weight, and whether to publish it as news."""

    anomaly: Anomaly
    detector: str
    is_news: bool


def is_onset(anomaly: Anomaly) -> bool:
    """Return whether an anomaly begins an incident; a muted one does not."""
    return anomaly.incident == anomaly.id and anomaly.suppressed_by is None
