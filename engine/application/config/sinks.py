"""The sinks of the pipeline file."""

from __future__ import annotations

from engine.application.config.plugin_choice import SinkChoice
from engine.application.ports import Settings


class SinksSpec(Settings):
    """Where anomalies, scores and rejects go."""

    anomalies: SinkChoice
    """Takes every anomaly."""
    scores: SinkChoice | None = None
    """Takes the scores of every event; nothing is published unless given."""
    dead_letters: SinkChoice | None = None
    """Takes what could not be decoded; dead_letters.ndjson in the state directory unless given."""
