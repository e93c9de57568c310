"""An embedded broker: librdkafka's mock cluster, for demonstrations.

Its limits: everything lives in this process's memory and is gone with it; topics appear when they
are first named, with four partitions; a partition drops its oldest messages past 5 MB or 100,000;
access control, transactions across restarts and retention are not there, and nothing says that
what works on it works on Kafka. It serves the demonstration, and no test of the connectors.
"""

from __future__ import annotations

from typing import Any

from confluent_kafka import Producer

from engine.domain.errors import ConnectorError

QUIET_LEVEL = 2
"""Only what is critical is logged: the mock's clients complain of its end, which is intended."""


class EmbeddedBroker:
    """One broker on a loopback port, from entering the context to leaving it.

    Attributes:
        bootstrap: its address, for any client of this machine.
    """

    bootstrap: str

    def __enter__(self) -> Any:
        self._cluster = Producer(
            {"test.mock.num.brokers": 1, "bootstrap.servers": "unused", "log_level": QUIET_LEVEL}
        )
        brokers = self._cluster.list_topics(timeout=10).brokers.values()
        self.bootstrap = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
        return self

    def __exit__(self, *_: object) -> None:
        del self._cluster

    def create_topic(self, name: str, partitions: int = 4) -> None:
        """Make a topic.

        Raises:
            ConnectorError: another number of partitions is wanted than the cluster gives.
        """
        self._cluster.list_topics(name, timeout=10)
        made = len(self._cluster.list_topics(name, timeout=10).topics[name].partitions)
        if made != partitions:
            raise ConnectorError(f"the embedded broker gives {made} partitions, not {partitions}")
