"""The plug-in behind `state: {kafka: ...}`: checkpoints in a compacted topic."""

from __future__ import annotations

import secrets

from connectors.kafka.broker_errors import BrokerErrors
from connectors.kafka.control_log import KafkaControlLog
from connectors.kafka.rights import require_topic, require_transactions
from connectors.kafka.settings import KafkaStateSettings
from connectors.kafka.shared_transaction import INSTANCE, id_prefix
from connectors.kafka.state_topic import prepare_state_topic
from connectors.kafka.stored_topic import StoredTopic
from connectors.kafka.topic_limits import admin_client
from connectors.kafka.topic_store import TopicStore
from pynomaly.plugins import RunContext


class KafkaStateStore:
    """The plug-in.

    It has to be made before the sinks: they write in its transaction.
    """

    Settings = KafkaStateSettings
    ControlLog = KafkaControlLog

    def __init__(self, settings: KafkaStateSettings, context: RunContext) -> None:
        self._settings = settings
        self._context = context
        context.shared[INSTANCE] = f"{secrets.token_hex(4)}-{context.process}"

    def store(self) -> TopicStore:
        """Return the process's side of the store."""
        return TopicStore(self._settings, self._context)

    def stored(self) -> StoredTopic:
        """Return all that is stored, for commands."""
        return StoredTopic(self._settings, self._context, self.store())

    def check(self) -> None:
        """Raise ConnectorError if the topic cannot be reached, does not fit, or is not ours."""
        chosen, context = self._settings, self._context
        errors = BrokerErrors("state", lambda _: None)
        admin = admin_client(chosen.brokers, chosen.settings, errors)
        with errors.asked_once(chosen.brokers):
            is_there = prepare_state_topic(
                chosen.brokers, chosen.settings, chosen.topic, None, errors
            )
        if is_there:
            require_topic(admin, chosen.topic, ["READ", "WRITE"])
        require_transactions(chosen.brokers, chosen.settings, id_prefix(context), errors)
