"""What a cluster refuses is reported with its cause, at once if waiting does not cure it."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bytewax.outputs import StatefulSinkPartition

from engine.application.ports import RunContext
from engine.domain.errors import ConnectorError, Shutdown
from engine.domain.record import Record
from tests.integration.secured_clients import RECORD, send_anomaly, sink, source
from tests.support.commands import run_command
from tests.support.secured_kafka import (
    GROUP,
    PASSWORD,
    TOPIC,
    SecuredKafka,
)


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
        until = time.monotonic() + 120
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

    done = run_command("run", file, environ={**os.environ, "PASSWORD": login["sasl.password"]})

    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "panicked" not in done.stderr
