"""The smaller sections of the pipeline file: sinks, calibration, state, metrics, tracing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, field_validator, model_validator

from engine.application.config.issues import invalid
from engine.application.config.plugin_choice import (
    KafkaLogChoice,
    KafkaStoreChoice,
    PluginChoice,
    SinkChoices,
)
from engine.application.config.quantity import PositiveDuration, Size
from engine.application.config.substitution import Secret
from engine.application.config.url import is_in_the_clear, public_url
from engine.application.key_ring import keys_of
from engine.application.ports import Settings
from engine.domain.errors import FatalError
from engine.domain.pipeline import Calibration


@dataclass(frozen=True, slots=True)
class ChosenSink:
    """One of the sinks that the pipeline file chose.

    Attributes:
        name: "anomalies", or "anomalies.kafka" where anomalies have several sinks.
        place: below `sinks` in the file: "anomalies", or "anomalies[0]".
        choice: the plug-in and its settings.
    """

    name: str
    place: str
    choice: PluginChoice


class SinksSpec(Settings):
    """Where anomalies, incidents, scores and rejects go: one sink each, or a list of them."""

    anomalies: SinkChoices
    """Take every anomaly."""
    incidents: SinkChoices | None = None
    """Take incidents as they open, change and close; nothing is published unless given."""
    scores: SinkChoices | None = None
    """Take the scores of every event; nothing is published unless given."""
    dead_letters: SinkChoices | None = None
    """Take what could not be decoded; dead_letters.ndjson in the state directory unless given."""

    def chosen(self) -> Iterator[ChosenSink]:
        """Yield the sinks, each with a name of its own."""
        for role in type(self).model_fields:
            choices: tuple[PluginChoice, ...] = getattr(self, role) or ()
            kinds: Counter[str] = Counter()
            for number, choice in enumerate(choices):
                kinds[choice.kind] += 1
                again = f"_{kinds[choice.kind]}" if kinds[choice.kind] > 1 else ""
                alone = len(choices) == 1
                name = role if alone else f"{role}.{choice.kind}{again}"
                place = role if alone else f"{role}[{number}]"
                yield ChosenSink(name, place, choice)


class CalibrationSpec(Settings):
    """How raw scores become p-values that compare across detectors and entities."""

    window: int = Field(default=256, ge=32, le=65_536)
    """Recent scores of an entity that its p-values rest on."""
    learn_anomalies: bool = False
    """Whether scores rarer than anomaly_p_value are learned from."""
    anomaly_p_value: float = Field(default=1e-4, gt=0, lt=1)
    """A rarer score is not learned from."""
    relearn_after: int = Field(default=200, ge=1)
    """So many unlearned scores in a row are the new normal."""

    def calibration(self) -> Calibration:
        """Return the calibration in the domain's words."""
        return Calibration(
            self.window, self.learn_anomalies, self.anomaly_p_value, self.relearn_after
        )


class StateSpec(Settings):
    """Where the state is kept, how often it is stored, and how large it may grow."""

    directory: Path
    """Directory of the checkpoints; .pynomaly/<name> unless given."""
    kafka: KafkaStoreChoice = None
    """Keeps checkpoints in a compacted topic instead: instances share the source's partitions."""
    checkpoint_interval: PositiveDuration = Field(
        default=timedelta(seconds=10), json_schema_extra={"default": "10s"}
    )
    """Time between checkpoints."""
    snapshot_interval: PositiveDuration = Field(
        default=timedelta(minutes=10), json_schema_extra={"default": "10m"}
    )
    """Longest time in which the state of each partition is stored whole once; what came since is
    read again from the source after a crash, so it has to be well below the topic's retention."""
    memory_limit: Size = Field(default=2**30, json_schema_extra={"default": "1GiB"})
    """Hard budget for the state of all entities; idle entities are evicted first."""
    idle_after: PositiveDuration | None = None
    """Event time of its partition without an event after which an entity is forgotten, such as 30d;
    never unless given."""
    encryption_key: Secret | None = None
    """Encrypts snapshots and journals (AES-256-GCM): ${NAME} or ${file:/path} with 32 bytes in
    Base64, or several such keys, of which the first encrypts and all decrypt."""
    keep: int = Field(default=0, ge=0, le=1_000)
    """Earlier checkpoints that are kept in the directory, for pynomaly state revert."""
    keep_every: PositiveDuration = Field(
        default=timedelta(hours=1), json_schema_extra={"default": "1h"}
    )
    """Time between checkpoints that are kept."""

    @field_validator("encryption_key")
    @classmethod
    def _keys_are_keys(cls, key: SecretStr | None) -> SecretStr | None:
        if key is None:
            return key
        if find_spec("cryptography") is None:
            raise invalid('this needs cryptography: pip install "pynomaly-engine[encryption]"')
        try:
            keys_of(key.get_secret_value())
        except FatalError as error:
            raise invalid(str(error)) from None
        return key


class ControlSpec(Settings):
    """Where the control log lies, which `pynomaly control` writes."""

    kafka: KafkaLogChoice = None
    """A topic, for instances on several machines; control.log in the state directory unless
    given."""


class TlsSpec(Settings):
    """HTTPS for the metrics page."""

    certificate: Path
    """PEM file with the certificate, and those of its chain after it."""
    key: Path
    """PEM file with the certificate's private key, which has no passphrase."""


class BasicAuthSpec(Settings):
    """Who may see the metrics page."""

    user: str = Field(pattern=r"^[^:]+$")
    """Name of the user, without a colon."""
    password: Secret
    """The password: ${NAME} or ${file:/path}, never the password itself."""


class MetricsSpec(Settings):
    """Where Prometheus finds the metrics: process i listens on port + i."""

    host: str = Field(default="127.0.0.1", min_length=1)
    """Address to listen on."""
    port: int = Field(default=9464, ge=1, le=65_535)
    """Port of the first process."""
    tls: TlsSpec | None = None
    """Certificate and key to serve HTTPS with; plain HTTP unless given."""
    basic_auth: BasicAuthSpec | None = None
    """User and password to ask for; everyone who reaches the page sees it unless given."""


EXPORTER = "opentelemetry.exporter.otlp.proto.http"


class TracingSpec(Settings):
    """Spans of batches, from poll to sink, for whatever takes OTLP over HTTP."""

    endpoint: str = Field(
        default="http://localhost:4318/v1/traces", pattern=r"^https?://[^/\s@]+/\S+$"
    )
    """Where to POST spans: http://host:4318/v1/traces, without user or password."""
    sample: float = Field(default=0.01, ge=0, le=1)
    """Share of batches to trace, 0 to 1; those whose messages are being traced come first."""
    headers: dict[str, Secret] = Field(default_factory=dict)
    """Headers of each request, such as authorization: ${NAME} or ${file:/path}."""

    def risks(self) -> list[str]:
        """Return what people should know before it runs."""
        if not is_in_the_clear(self.endpoint):
            return []
        return [f"{public_url(self.endpoint)}: spans and headers are not encrypted; use https"]

    @model_validator(mode="before")
    @classmethod
    def _installed(cls, data: Any) -> Any:
        if not _is_installed():
            raise invalid("tracing needs OpenTelemetry: pip install 'pynomaly-engine[otel]'")
        return data


def _is_installed() -> bool:
    try:
        return find_spec(EXPORTER) is not None
    except ModuleNotFoundError:
        return False
