"""The encoding of a sink: JSON, or Avro and JSON with the id of a schema; CloudEvents if set."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np
import orjson
from pydantic import model_validator

from connectors.formats.registry_settings import RegistrySettings
from connectors.kafka.schemas import SCHEMAS, avro_of
from engine.domain.errors import ConnectorError, RetryableError
from engine.domain.names import DEAD_LETTERS, role_of
from engine.domain.record import Record
from pynomaly.plugins import Settings

WAITS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0)
"""Seconds between attempts while the registry cannot be reached."""
EVENT_TYPES = {"anomalies": "anomaly", "incidents": "incident", "scores": "score"}
Write = Callable[[bytes], bytes]


class SchemaSettings(Settings):
    """Where the schema of what is written is kept."""

    registry: RegistrySettings
    """The schema registry."""
    subject: str | None = None
    """The subject; <topic>-value unless given."""
    auto_register: bool = True
    """Whether to register the schema; else it has to be there."""


class SinkFormat(Settings):
    """How records are written, with the id of their schema before them."""

    avro: SchemaSettings | None = None
    """Avro."""
    json_schema: SchemaSettings | None = None
    """JSON."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.avro is None) == (self.json_schema is None):
            raise ValueError("expected either avro or json_schema")
        return self


class Encoder:
    """Encodes the records of a role for a topic; dead letters stay as they came."""

    def __init__(
        self, role: str, topic: str, pipeline: str, chosen: SinkFormat | None, cloudevents: bool
    ) -> None:
        """Prepare it.

        Args:
            role: of the sink.
            topic: of the sink.
            pipeline: its name.
            chosen: the format; None for JSON.
            cloudevents: whether records have the headers of CloudEvents.
        """
        self._kind = role_of(role)
        raw = self._kind == DEAD_LETTERS
        self._topic = topic
        self._format = None if raw else chosen
        self._source = f"/pynomaly/{pipeline}".encode()
        self._cloudevents = cloudevents and not raw
        self._write: Write | None = None

    def open(self) -> None:
        """Ask the registry for the id of the schema, before anything is written.

        Raises:
            ConnectorError: it refuses us or the schema.
            RetryableError: it cannot be reached.
        """
        if self._format is None:
            return
        schema = SCHEMAS[self._kind]
        if self._format.avro is not None:
            avro = avro_of(schema, EVENT_TYPES[self._kind])
            prefix = self._prefix(self._format.avro, json.dumps(avro), "AVRO")
            self._write = _avro_writer(avro, prefix)
        elif self._format.json_schema is not None:
            prefix = self._prefix(self._format.json_schema, json.dumps(schema), "JSON")
            self._write = lambda value: prefix + value

    def check(self) -> None:
        """Reach the registry, without a change there.

        Raises:
            ConnectorError: it cannot be reached, refuses us, or misses a schema it should have.
        """
        if self._format is None:
            return
        settings = self._format.avro or self._format.json_schema
        if settings is not None and not settings.auto_register:
            self.open()
        elif settings is not None:
            with settings.registry.client() as client:
                try:
                    client.get_subjects()
                except Exception as error:
                    url = settings.registry.url
                    raise ConnectorError(f"the schema registry {url}: {error}") from error

    def encoded(self, record: Record) -> Record:
        """Return a record as it is written."""
        if self._write is not None and record.value is not None:
            record = replace(record, value=self._write(record.value))
        if self._cloudevents:
            record = replace(record, headers=(*record.headers, *self._attributes(record)))
        return record

    def _attributes(self, record: Record) -> list[tuple[str, bytes]]:
        """Return the headers of CloudEvents' binary mode in Kafka."""
        avro = self._format is not None and self._format.avro is not None
        moment = f"{np.datetime64(record.timestamp, 'ns')}Z"
        return [
            ("ce_specversion", b"1.0"),
            ("ce_id", record.id.encode()),
            ("ce_source", self._source),
            ("ce_type", f"io.pynomaly.{EVENT_TYPES[self._kind]}".encode()),
            ("ce_subject", record.key or b""),
            ("ce_time", moment.encode()),
            ("content-type", b"application/avro" if avro else b"application/json"),
        ]

    def _prefix(self, settings: SchemaSettings, text: str, kind: str) -> bytes:
        from confluent_kafka.schema_registry import Schema, SchemaRegistryError

        subject = settings.subject or f"{self._topic}-value"
        problem: Exception | None = None
        with settings.registry.client() as client:
            ask = client.register_schema if settings.auto_register else partial(_known, client)
            for wait in (0.0, *WAITS):
                time.sleep(wait)
                try:
                    return b"\0" + ask(subject, Schema(text, kind)).to_bytes(4, "big")
                except SchemaRegistryError as error:
                    if 400 <= error.http_status_code < 500:
                        raise ConnectorError(self._refused(settings, subject, error)) from None
                    problem = error
                except Exception as error:
                    # The client lets out what its HTTP library raises.
                    if not isinstance(error, OSError) and "http" not in type(error).__module__:
                        raise
                    problem = error
        raise RetryableError(f"the schema registry {settings.registry.url}: {problem}")

    def _refused(self, settings: SchemaSettings, subject: str, error: Exception) -> str:
        advice = (
            "correct its user, or the subject's compatibility"
            if settings.auto_register
            else "register the schema, or set auto_register: true"
        )
        return (
            f"the schema registry {settings.registry.url} does not take the schema of "
            f"{self._kind} as {subject}: {error}: {advice}"
        )


def _known(client: Any, subject: str, schema: Any) -> int:
    return int(client.lookup_schema(subject, schema).schema_id)


def _avro_writer(schema: Any, prefix: bytes) -> Write:
    try:
        import fastavro
    except ImportError:
        advice = "pip install 'pynomaly-engine[formats]'"
        raise ConnectorError(f"Avro needs the package fastavro: {advice}") from None
    parsed = fastavro.parse_schema(schema)

    def write(value: bytes) -> bytes:
        stream = io.BytesIO()
        stream.write(prefix)
        fastavro.schemaless_writer(stream, parsed, orjson.loads(value))
        return stream.getvalue()

    return write
