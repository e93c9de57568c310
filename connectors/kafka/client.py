"""Clients of librdkafka; a setting that it refuses is reported as a fault of the pipeline file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from engine.domain.errors import ConnectorError

Client = TypeVar("Client", Consumer, Producer, AdminClient)


class _Silent:
    """A logger of a client that never connects."""

    def log(self, *_: object) -> None:
        """Drop a line."""


def open_client(kind: type[Client], settings: Mapping[str, Any], logger: object) -> Client:
    """Make a client.

    Raises:
        ConnectorError: librdkafka does not take the settings.
    """
    try:
        return kind({**settings}, logger=logger)
    except (KafkaException, TypeError, ValueError) as error:
        text = error.args[0].str() if isinstance(error, KafkaException) else str(error)
        raise ConnectorError(
            f"librdkafka does not take these settings: {text}. Correct `settings` in the pipeline "
            "file"
        ) from error


def invalid_reason(kind: type[Consumer] | type[Producer], settings: Mapping[str, Any]) -> str:
    """Return why librdkafka does not take settings; "" if it does.

    Files are not looked for: those that the settings name may be on another machine.
    """
    try:
        kind({**settings}, logger=_Silent())
    except KafkaException as error:
        text = str(error.args[0].str())
        return "" if " failed: " in text else text
    except (TypeError, ValueError) as error:
        return str(error)
    return ""
