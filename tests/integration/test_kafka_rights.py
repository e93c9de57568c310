"""Rights on topics, groups and state: what is missing is reported, what is documented suffices."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from connectors.kafka.broker_errors import BrokerErrors
from connectors.kafka.settings import KafkaSourceSettings, KafkaStateSettings
from connectors.kafka.source import KafkaSource
from connectors.kafka.state_store import KafkaStateStore
from connectors.kafka.state_topic import prepare_state_topic
from engine.application.ports import RunContext
from engine.domain.errors import ConnectorError
from tests.integration.secured_clients import RECORD, sink
from tests.support.secured_kafka import (
    GROUP,
    PREFIXED,
    TOPIC,
    TRANSACTIONAL_ID,
    SecuredKafka,
)


@pytest.mark.parametrize(
    ("allowed", "exactly_once", "message"),
    [
        (["DESCRIBE", "READ"], False, r'topic "checked-0": we may not WRITE'),
        (["DESCRIBE", "WRITE"], True, r'topic "checked-1": we may not READ'),
        (["DESCRIBE", "READ", "WRITE"], True, r'transactional id "pynomaly-checked-validate"'),
    ],
)
def test_a_check_reports_the_rights_that_a_sink_misses(
    secured: SecuredKafka,
    tmp_path: Path,
    allowed: list[str],
    exactly_once: bool,
    message: str,
) -> None:
    topic = f"checked-{len(secured.broker.topics())}"
    message = message.replace("checked-0", topic).replace("checked-1", topic)
    secured.broker.create_topic(topic)
    secured.allow(TOPIC, topic, *allowed)
    context = RunContext("checked", state=tmp_path, exactly_once=exactly_once)

    with pytest.raises(ConnectorError, match=message):
        sink(secured, topic, context).check()


def test_a_check_reports_the_rights_that_a_source_misses(secured: SecuredKafka) -> None:
    secured.broker.create_topic("seen")
    secured.allow(TOPIC, "seen", "DESCRIBE")
    chosen = KafkaSourceSettings(brokers=secured.sasl, topic="seen", settings={**secured.login()})

    with pytest.raises(ConnectorError, match=r'topic "seen": we may not READ'):
        KafkaSource(chosen, RunContext("checked")).check(1)

    secured.allow(TOPIC, "seen", "READ")
    with pytest.raises(ConnectorError, match=r'consumer group "pynomaly-checked".*READ'):
        KafkaSource(chosen, RunContext("checked")).check(1)


def test_a_check_reports_the_rights_that_the_state_misses(secured: SecuredKafka) -> None:
    def check() -> None:
        chosen = KafkaStateSettings(
            brokers=secured.sasl, topic="kept", settings={**secured.login()}
        )
        KafkaStateStore(chosen, RunContext("stateful")).check()

    secured.broker.create_topic("kept", config={"cleanup.policy": "compact"})
    secured.allow(TOPIC, "kept", "DESCRIBE", "READ")

    with pytest.raises(ConnectorError, match=r'topic "kept": we may not WRITE'):
        check()
    secured.allow(TOPIC, "kept", "WRITE")
    with pytest.raises(ConnectorError, match=r'transactional id "pynomaly-stateful-validate"'):
        check()
    secured.allow(TRANSACTIONAL_ID, "pynomaly-stateful-", "WRITE", "DESCRIBE", pattern=PREFIXED)
    check()


def test_a_state_topic_grows_with_the_source_where_we_may_alter_it(secured: SecuredKafka) -> None:
    def prepare() -> int:
        errors = BrokerErrors("state", lambda _kind: None)
        return prepare_state_topic(secured.sasl, secured.login(), "small", "grown", errors)

    secured.broker.create_topic("grown", 3)
    secured.broker.create_topic("small", config={"cleanup.policy": "compact"})
    secured.allow(TOPIC, "grown", "DESCRIBE", "READ")
    secured.allow(TOPIC, "small", "DESCRIBE", "READ", "WRITE")

    with pytest.raises(ConnectorError, match=r"has 1 partitions, the source 3.*Allow us ALTER"):
        prepare()
    secured.allow(TOPIC, "small", "ALTER")

    assert prepare() == 3
    assert secured.broker.topics()["small"] == 3


def test_with_just_the_rights_of_the_documentation_a_sink_delivers(
    secured: SecuredKafka, tmp_path: Path
) -> None:
    secured.allow(TOPIC, "out", "WRITE", "READ", "DESCRIBE")
    secured.allow(TRANSACTIONAL_ID, "pynomaly-allowed-", "WRITE", "DESCRIBE", pattern=PREFIXED)
    secured.allow(GROUP, "pynomaly-allowed", "READ")
    context = RunContext(
        "allowed", state=tmp_path, exactly_once=True, checkpoint_interval=timedelta(seconds=1)
    )
    sink(secured, "out", context).check()
    part = sink(secured, "out", context).sink().build_part("a", "0", [])

    part.write_batch([[RECORD]])
    part.snapshot()
    part.close()

    assert [m.value() for m in secured.broker.read("out", "read_committed")] == [b"v"]
