"""Settings of librdkafka are checked by librdkafka, before anything is connected."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from connectors.kafka.settings import KafkaSinkSettings, KafkaSourceSettings, Value

BROKERS = {"brokers": "kafka:9092", "topic": "t"}


@pytest.mark.parametrize("model", [KafkaSourceSettings, KafkaSinkSettings])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"securty.protocol": "SSL"}, 'No such configuration property: "securty.protocol"'),
        ({"security.protocol": "SSSL"}, 'Invalid value "SSSL"'),
        ({"bootstrap.servers": "other:9092"}, "it is `brokers`"),
        ({"socket.timeout.ms": "soon"}, "Invalid value"),
    ],
)
def test_refuses_what_librdkafka_does_not_take(
    model: type[KafkaSourceSettings] | type[KafkaSinkSettings],
    settings: dict[str, Value],
    message: str,
) -> None:
    with pytest.raises(ValidationError) as refused:
        model.model_validate({**BROKERS, "settings": settings})

    assert message in str(refused.value)


@pytest.mark.parametrize("model", [KafkaSourceSettings, KafkaSinkSettings])
@pytest.mark.parametrize(
    "settings",
    [
        {"security.protocol": "SSL", "ssl.ca.location": "/not/on/this/machine.pem"},
        {
            "sasl.mechanism": "SCRAM-SHA-512",
            "security.protocol": "SASL_SSL",
            "sasl.username": "u",
            "sasl.password": "p",
        },
        {},
    ],
)
def test_takes_settings_whose_files_are_elsewhere(
    model: type[KafkaSourceSettings] | type[KafkaSinkSettings], settings: dict[str, Value]
) -> None:
    assert model.model_validate({**BROKERS, "settings": settings}).settings == settings


def test_refuses_a_contradiction_to_what_delivery_needs() -> None:
    with pytest.raises(ValidationError, match="acks"):
        KafkaSinkSettings.model_validate({**BROKERS, "settings": {"acks": 1}})
