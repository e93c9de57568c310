"""What a cluster refuses is reported with its cause, at once if waiting does not cure it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bytewax.outputs import StatefulSinkPartition
from confluent_kafka import Producer

from connectors.kafka.broker_errors import BrokerErrors
from connectors.kafka.settings import KafkaSinkSettings, KafkaSourceSettings, KafkaStateSettings
from connectors.kafka.sink import KafkaSink
from connectors.kafka.source import KafkaSource
from connectors.kafka.state_store import KafkaStateStore
from connectors.kafka.state_topic import prepare_state_topic
from engine.application.ports import RunContext
from engine.domain.errors import ConnectorError, Shutdown
from engine.domain.record import Record
from tests.e2e.test_pipeline import PYNOMALY
from tests.support.secured_kafka import (
    GROUP,
    PASSWORD,
    PREFIXED,
    TOPIC,
    TRANSACTIONAL_ID,
    SecuredKafka,
    secured_kafka,
)

RECORD = Record(b"k", b"v", (("pynomaly-id", b"1"),), 0, "1")


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    with secured_kafka(tmp_path_factory.mktemp("certificates")) as broker:
        broker.broker.create_topic("events", 2)
        broker.broker.create_topic("out")
        yield broker


def source(
    brokers: str, settings: dict[str, str], context: RunContext | None = None
) -> KafkaSource:
    chosen = KafkaSourceSettings(brokers=brokers, topic="events", settings={**settings})
    return KafkaSource(chosen, context or RunContext("refused"))


def sink(secured: SecuredKafka, topic: str, context: RunContext) -> KafkaSink:
    chosen = KafkaSinkSettings(brokers=secured.sasl, topic=topic, settings={**secured.login()})
    return KafkaSink(chosen, context, "anomalies")


@pytest.mark.parametrize(
    ("reach", "message"),
    [
        (lambda k: (k.sasl, k.login("wrong")), r"source: .*Invalid username or password.*sasl"),
        (lambda k: (k.sasl, k.login(user="nobody")), r"Invalid username or password"),
        (lambda k: (k.expired, k.trust()), r"certificate verify failed.*dates and names"),
        (lambda k: (k.misnamed, k.trust()), r"certificate verify failed|hostname mismatch"),
        (lambda k: (k.tls, {"security.protocol": "SSL"}), r"certificate verify failed"),
    ],
)
def test_a_refused_login_or_certificate_ends_the_wait_with_its_cause(
    secured: SecuredKafka,
    reach: Callable[[SecuredKafka], tuple[str, dict[str, str]]],
    message: str,
) -> None:
    plugin = source(*reach(secured))

    with pytest.raises(ConnectorError, match=message):
        plugin.source().list_parts()


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a program that takes connections and says nothing."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(50)
        yield f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize(
    ("reach", "message"),
    [
        (lambda k: (k.broker.bootstrap, k.trust()), "PLAINTEXT broker listener"),
        (lambda k: (k.tls, {}), "does this port speak TLS"),
        (lambda _: ("no-such-host.invalid:9092", {}), "Failed to resolve 'no-such-host.invalid"),
        (lambda _: ("127.0.0.1:1", {}), "Connection refused"),
        (lambda _: (None, {"socket.timeout.ms": "3000"}), "Timed out|no answer|timed out"),
    ],
)
def test_what_may_pass_is_waited_for_and_reported_in_log_and_health(
    secured: SecuredKafka,
    silent: str,
    caplog: pytest.LogCaptureFixture,
    reach: Callable[[SecuredKafka], tuple[str | None, dict[str, str]]],
    message: str,
) -> None:
    brokers, settings = reach(secured)
    context = RunContext("refused")
    plugin = source(brokers or silent, settings, context)
    ended: list[BaseException] = []

    def wait() -> None:
        try:
            plugin.source().list_parts()
        except Shutdown as error:
            ended.append(error)

    with caplog.at_level("WARNING"):
        waiting = threading.Thread(target=wait)
        waiting.start()
        until = time.monotonic() + 60
        while not _announced(message, context.outages.get("source", "")):
            if time.monotonic() > until:
                break
            time.sleep(0.05)
        context.draining.set()
        waiting.join(60)

    assert _announced(message, context.outages["source"])
    assert _announced(message, caplog.text)
    assert len(ended) == 1


def _announced(message: str, text: str) -> bool:
    return any(part in text for part in message.split("|"))


def test_a_sink_without_the_right_to_write_fails_with_the_right_and_closes_in_peace(
    secured: SecuredKafka,
) -> None:
    secured.broker.create_topic("readable")
    secured.allow(TOPIC, "readable", "DESCRIBE", "READ")
    part = sink(secured, "readable", RunContext("denied")).sink().build_part("a", "0", [])

    with pytest.raises(ConnectorError, match=r"uthorization failed.*Allow us WRITE"):
        deliver(part)

    part.close()


def deliver(part: StatefulSinkPartition[list[Record], Any]) -> None:
    part.write_batch([[RECORD]])
    part.snapshot()


def test_a_denied_transactional_id_ends_the_run(secured: SecuredKafka, tmp_path: Path) -> None:
    secured.allow(TOPIC, "out", "WRITE", "READ", "DESCRIBE")
    context = RunContext("denied", state=tmp_path, exactly_once=True)

    with pytest.raises(ConnectorError, match=r"[Tt]ransactional [Ii]d.*pynomaly-<pipeline>-") as it:
        sink(secured, "out", context).sink().build_part("a", "0", [])

    assert type(it.value) is ConnectorError, "a restart would not cure it"


def test_a_denied_group_ends_the_run(secured: SecuredKafka) -> None:
    secured.allow(TOPIC, "events", "READ", "DESCRIBE")
    plugin = source(secured.sasl, secured.login())

    with pytest.raises(ConnectorError, match="READ on the consumer group"):
        plugin.source().build_part("source", "0", None)


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


PIPELINE = """
name: run
source: {{kafka: {{brokers: "{brokers}", topic: events, settings: {{{settings}}}}}}}
event: {{key: sensor, time: {{path: ts, unit: ms}}, values: [temp]}}
detectors: [zscore]
delivery: {delivery}
sinks: {{anomalies: {{kafka: {{topic: {anomalies}}}}}}}
state: {{directory: "{state}", checkpoint_interval: 500ms}}
metrics: null
"""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"anomalies": "nowhere"}, "the cluster has no topic"),
        ({"password": "wrong"}, "Invalid username or password"),
        ({"more": "securty.protocol: SSL"}, 'No such configuration property: "securty.protocol"'),
        ({"delivery": "exactly_once"}, "ransactional Id authorization failed"),
        ({"anomalies": "unwritable", "event": "yes"}, "we may not WRITE"),
    ],
    ids=["missing topic", "wrong password", "unknown setting", "transactional id", "no WRITE"],
)
def test_a_run_that_is_refused_ends_with_code_2_and_its_cause(
    secured: SecuredKafka, tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    for name in {"unwritable", "writable"} - secured.broker.topics().keys():
        secured.broker.create_topic(name)
    secured.allow(TOPIC, "unwritable", "DESCRIBE")
    secured.allow(TOPIC, "writable", "WRITE", "READ", "DESCRIBE")
    secured.allow(TOPIC, "events", "READ", "DESCRIBE")
    secured.allow(GROUP, "pynomaly-run", "READ")
    login = secured.login(changes.get("password", PASSWORD))
    secret = {**login, "sasl.password": "${PASSWORD}"}
    settings = [*(f'{name}: "{value}"' for name, value in secret.items()), changes.get("more", "")]
    file = tmp_path / "pipeline.yaml"
    file.write_text(
        PIPELINE.format(
            brokers=secured.sasl,
            settings=", ".join(filter(None, settings)),
            delivery=changes.get("delivery", "at_least_once"),
            anomalies=changes.get("anomalies", "writable"),
            state=tmp_path / "state",
        )
    )
    if "event" in changes:
        send_anomaly(secured)

    done = subprocess.run(
        [*PYNOMALY, "run", str(file)],
        env={**os.environ, "PASSWORD": login["sasl.password"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "panicked" not in done.stderr


def send_anomaly(secured: SecuredKafka) -> None:
    """Send readings of one sensor, the last of them strange."""
    producer = Producer({"bootstrap.servers": secured.broker.bootstrap})
    for number in range(3_000):
        temp = number % 7 + (900 if number > 2_990 else 0)
        event = {"sensor": "s", "ts": 1_767_225_600_000 + number * 1_000, "temp": temp}
        producer.produce("events", json.dumps(event), partition=0)
    producer.flush(60)


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
