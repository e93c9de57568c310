"""Connections that are not protected, warned of when a run starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from connectors.formats.avro import AvroSettings
from connectors.formats.protobuf import ProtobufSettings
from connectors.kafka.settings import (
    KafkaControlSettings,
    KafkaSinkSettings,
    KafkaSourceSettings,
    KafkaStateSettings,
)
from connectors.postgres.settings import PostgresSettings
from connectors.webhook.settings import WebhookSettings
from engine.application.cluster.announcement import warn
from engine.application.config.event import EventSpec
from engine.application.config.fingerprints import of_mapping
from engine.application.config.load import load
from tests.support.http_receiver import SECRET

SASL = {"sasl.mechanism": "PLAIN", "sasl.username": "u", "sasl.password": "p"}
SSL = {"security.protocol": "SSL"}


@pytest.mark.parametrize(
    ("url", "risks"),
    [("https://h.example/t", 0), ("http://127.0.0.1:80/t", 0), ("http://h.example/tok-en-77", 1)],
)
def test_a_webhook_in_the_clear(url: str, risks: int) -> None:
    found = WebhookSettings.model_validate({"url": url, "secret": SecretStr(SECRET)}).risks()

    assert len(found) == risks
    assert "tok-en-77" not in "".join(found)


@pytest.mark.parametrize(
    ("url", "risks"),
    [
        ("postgresql://u@db.example/d", 1),
        ("postgresql://u@db.example/d?sslmode=require", 1),
        ("postgresql://u@db.example/d?sslmode=verify-full", 0),
        ("postgresql://u@localhost,db.example/d", 1),
        ("postgresql://u@127.0.0.1:5432/d?sslmode=disable", 0),
        ("postgresql:///d?host=/run/postgresql", 0),
    ],
)
def test_a_database_that_is_not_verified(url: str, risks: int) -> None:
    assert len(PostgresSettings.model_validate({"url": url}).risks()) == risks


@pytest.mark.parametrize(
    ("brokers", "settings", "risks"),
    [
        ("k.example:9092", {}, 1),
        ("localhost:9092", {}, 0),
        ("k.example:9093", {"security.protocol": "SSL"}, 0),
        ("k.example:9093", {"security.protocol": "SASL_PLAINTEXT", **SASL}, 1),
        ("127.0.0.1:9093,localhost:1", {"security.protocol": "SASL_PLAINTEXT", **SASL}, 0),
        ("k.example:9093", {"security.protocol": "SASL_SSL", **SASL}, 0),
        ("k.example:9093", {**SSL, "enable.ssl.certificate.verification": False}, 1),
        ("k.example:9093", {**SSL, "ssl.endpoint.identification.algorithm": "none"}, 1),
    ],
)
def test_brokers_that_are_not_verified(brokers: str, settings: dict[str, str], risks: int) -> None:
    given = {"brokers": brokers, "topic": "t", "settings": settings}

    kinds = KafkaSourceSettings, KafkaSinkSettings, KafkaStateSettings, KafkaControlSettings
    for kind in kinds:
        assert len(kind.model_validate(given).risks()) == risks


@pytest.mark.parametrize(
    ("url", "risks"),
    [
        ("https://r.example", 0),
        ("http://localhost:8081", 0),
        ("http://r.example/tok-en-77", 1),
        ("https://r.example,http://s.example, http://t.example", 2),
    ],
)
def test_a_schema_registry_in_the_clear(url: str, risks: int) -> None:
    given = {"registry": {"url": url}}
    sink = {"brokers": "localhost:9092", "topic": "t", "format": {"avro": given}}

    found = [
        AvroSettings.model_validate(given).risks(),
        ProtobufSettings.model_validate(given).risks(),
        KafkaSinkSettings.model_validate(sink).risks(),
    ]

    assert [len(one) for one in found] == [risks] * 3
    assert "tok-en-77" not in str(found)


def test_a_run_warns_of_the_registry_of_its_messages(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(
        "{name: p, source: {stdin: {}}, sinks: {anomalies: {stdout: {}}}, event: {key: s, "
        'values: [v], format: {avro: {registry: {url: "http://r.example"}}}}}'
    )

    warn(load(file, {}))

    assert "event.format: schema registry http://r.example" in caplog.text


def test_how_a_registry_of_keys_is_reached_changes_no_id() -> None:
    keys = (
        [{"message": {"avro": {"registry": {"url": url}}}, "path": "id"}]
        for url in ("https://r.example", "http://r.example")
    )

    safe, exposed = (EventSpec.model_validate({"key": key, "values": ["v"]}) for key in keys)

    assert safe.key != exposed.key
    assert of_mapping(safe) == of_mapping(exposed)


def test_a_run_warns_of_brokers_of_its_state_and_its_control_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "p.yaml"
    place = (
        '{kafka: {topic: %s, brokers: "k.example:9093", '
        "settings: {security.protocol: SSL, enable.ssl.certificate.verification: false}}}"
    )
    file.write_text(
        '{name: p, source: {kafka: {brokers: "localhost:9092", topic: t}}, '
        "sinks: {anomalies: {stdout: {}}}, event: {key: s, values: [v]}, "
        f"state: {place % 'p-state'}, control: {place % 'p-control'}}}"
    )

    warn(load(file, {}))

    assert "state.kafka, control.kafka: enable.ssl.certificate.verification" in caplog.text
