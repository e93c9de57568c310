"""Settings of the Alertmanager sink in the pipeline file."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from pydantic import Field, field_validator

from connectors.delivery.http_settings import HttpSettings
from pynomaly.plugins import PositiveDuration, Secret, invalid

LABELS = ("alertname", "pipeline", "entity", "severity", "kind")
"""Labels of the alert of an anomaly, by which Alertmanager distinguishes alerts."""
RESERVED = (*LABELS, "incident")


class AlertmanagerSettings(HttpSettings):
    """Alertmanager's API, version 2: an alert for each entity, severity and kind, or incident."""

    extra: ClassVar[str] = "alertmanager"
    exposed: ClassVar[str] = "alerts and headers are not encrypted"

    url: str = Field(pattern=r"^https?://[^/\s@]+(/\S*)?$")
    """Where Alertmanager is, without /api/v2: http://alertmanager:9093. No user or password."""
    resolve_after: PositiveDuration = Field(
        default=timedelta(minutes=5), json_schema_extra={"default": "5m"}
    )
    """Of anomalies: time after the last one at which the alert is resolved."""
    longest_open: PositiveDuration = Field(
        default=timedelta(days=7), json_schema_extra={"default": "7d"}
    )
    """Of incidents: time after its last message at which the alert of one that is still open is
    resolved, as when the pipeline was removed."""
    longest_delay: PositiveDuration = Field(
        default=timedelta(hours=1), json_schema_extra={"default": "1h"}
    )
    """An anomaly that is older pages nobody: its alert is resolved when it is sent. An incident
    whose event is older is an alert if it is open once its partition is not as far behind."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Further labels of each alert, such as team: press-shop."""
    headers: dict[str, Secret] = Field(default_factory=dict)
    """Headers of each request, such as authorization: ${NAME} or ${file:/path}."""

    @field_validator("labels")
    @classmethod
    def _are_labels(cls, labels: dict[str, str]) -> dict[str, str]:
        for name in labels:
            if name in RESERVED:
                raise invalid("is a label that each alert has already", name)
            if not name.isascii() or not name.isidentifier():
                raise invalid("expected letters, digits and _, and no digit first", name)
        return labels
