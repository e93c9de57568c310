"""The webhook sink against a real HTTP server."""

from __future__ import annotations

import base64
import json
import logging
import socket
import time
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from connectors.delivery.retry_settings import RecordRejectedError, TransientError
from connectors.webhook.client import WebhookClient
from connectors.webhook.delivered_ids import DeliveredIds
from connectors.webhook.rate_limiter import RateLimiter
from connectors.webhook.settings import WebhookSettings
from connectors.webhook.signature import keys, signature_headers
from connectors.webhook.sink import Delivery, WebhookSink
from engine.application.ports import RunContext
from engine.domain.errors import ConnectorError, RetryableError
from engine.domain.record import Record
from tests.support.http_receiver import SECRET, Receiver
from tests.support.kafka_settings import HOST, free_port

QUICK = {"longest_wait": "20ms", "pause": "50ms", "timeout": "2s", "rate": 10_000}


def settings(url: str, **more: Any) -> WebhookSettings:
    return WebhookSettings.model_validate(
        {"url": url, "secret": SecretStr(SECRET), **QUICK, **more}
    )


def record(number: int) -> Record:
    value = json.dumps({"id": f"id{number}", "entity": "a"}).encode()
    return Record(
        b"a", value, (("pynomaly-schema-version", b"1"),), 1_700_000_000 * 10**9, f"id{number}"
    )


def delivery(chosen: WebhookSettings, context: RunContext) -> Delivery:
    return Delivery(chosen, context, "anomalies", WebhookClient(chosen))


def metric(context: RunContext, name: str, **labels: str) -> float:
    found = context.telemetry.registry.get_sample_value(f"pynomaly_{name}", labels)
    return float("nan") if found is None else found


def test_signatures_are_those_of_the_specification() -> None:
    """The example that libraries of Standard Webhooks are tested with."""
    found = signature_headers(
        keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )

    assert found["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert found["webhook-timestamp"] == "1614265330"


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_short", "whsec_!!!", "whsec_" + "QQ=="])
def test_what_is_no_key_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(ValidationError) as raised:
        WebhookSettings.model_validate({"url": "https://host/", "secret": SecretStr(secret)})

    assert "short" not in str(raised.value)
    assert "!!!" not in str(raised.value)


def test_records_arrive_in_order_signed_and_once(tmp_path: Path) -> None:
    context = RunContext("p", state=tmp_path)
    with Receiver() as receiver:
        sender = delivery(settings(receiver.url), context)
        sender.deliver([record(n) for n in range(20)])
        sender.deliver([record(n) for n in range(15, 25)])

    assert [one for one, _ in receiver.delivered] == [f"id{n}" for n in range(25)]
    assert receiver.delivered[3][1] == {"id": "id3", "entity": "a"}
    assert receiver.forged == []
    assert metric(context, "delivered_records_total", sink="anomalies") == 25


def test_two_keys_stand_side_by_side() -> None:
    old = "whsec_" + base64.b64encode(b"another key of twenty-four bytes").decode()
    with Receiver() as receiver:
        chosen = settings(receiver.url, secret=SecretStr(f"{old} {SECRET}"))
        delivery(chosen, RunContext("p")).deliver([record(1)])

    assert receiver.forged == []
    assert len(receiver.headers["webhook-signature"].split()) == 2


@pytest.mark.parametrize("answer", [500, 503, 429, 408, 301, 401, 0])
def test_trouble_is_repeated_with_the_same_id(answer: int) -> None:
    context = RunContext("p")
    with Receiver() as receiver:
        receiver.answers = [answer, answer]
        delivery(settings(receiver.url), context).deliver([record(1), record(2)])

    assert receiver.seen == ["id1", "id1", "id1", "id2"]
    assert [one for one, _ in receiver.delivered] == ["id1", "id2"]
    kind = f"http_{answer}" if answer else "connection"
    assert metric(context, "sink_errors_total", sink="anomalies", kind=kind) == 2


@pytest.mark.parametrize("answer", [400, 413, 422])
def test_what_is_refused_is_kept_and_stops_nothing(answer: int, tmp_path: Path) -> None:
    context, kept = RunContext("p"), tmp_path / "folder" / "refused.ndjson"
    with Receiver() as receiver:
        receiver.answers = [answer]
        chosen = settings(receiver.url, refused=str(kept))
        delivery(chosen, context).deliver([record(1), record(2)])

    assert [one for one, _ in receiver.delivered] == ["id2"]
    [kept_record] = [json.loads(line) for line in kept.read_text().splitlines()]
    assert (kept_record["id"], kept_record["record"]) == ("id1", {"id": "id1", "entity": "a"})
    assert str(answer) in kept_record["why"]
    assert metric(context, "sink_refused_records_total", sink="anomalies") == 1
    assert metric(context, "sink_breaker_state", sink="anomalies") == 0


def test_a_refused_record_that_is_not_kept_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    with Receiver() as receiver:
        receiver.answers = [400]
        delivery(settings(receiver.url), RunContext("p")).deliver([record(1)])

    assert "record id1 was refused" in caplog.text
    assert "name a file as `refused`" in caplog.text


def test_the_breaker_opens_after_failures_in_a_row_and_closes_again() -> None:
    context = RunContext("p")
    states: list[float] = []
    with Receiver() as receiver:
        receiver.answers = [500] * 4
        sender = delivery(settings(receiver.url, failures=3, pause="200ms"), context)
        watching = Thread(target=_watch, args=(context, states), daemon=True)
        watching.start()
        sender.deliver([record(1)])
        states.append(-1.0)
        watching.join()

    # Open after the third failure, again after the fourth; then it succeeds.
    assert 2.0 in states
    assert metric(context, "sink_breaker_state", sink="anomalies") == 0
    assert receiver.seen == ["id1"] * 5
    assert [one for one, _ in receiver.delivered] == ["id1"]


def _watch(context: RunContext, states: list[float]) -> None:
    while -1.0 not in states:
        states.append(metric(context, "sink_breaker_state", sink="anomalies"))
        time.sleep(0.01)


def test_headers_of_a_dead_letter_s_sender_stop_nothing() -> None:
    theirs = (("traceparent", b"\xff"), ("tracestate", b"a\r\nx-forged: 1"), ("tracestate", None))
    added = (("pynomaly-schema-version", b"1"), ("pynomaly-reason", b"not_json"))
    letter = Record(None, b"not\njson", theirs + added, 0, "letter")
    good = Record(b"a", b"{}", (*added[:1], ("traceparent", b"00-aa-bb-01")), 0, "good")
    with Receiver() as receiver:
        delivery(settings(receiver.url), RunContext("p")).deliver([letter])
        assert not receiver.headers.keys() & {"traceparent", "tracestate", "x-forged"}
        delivery(settings(receiver.url), RunContext("p")).deliver([good])
    [(_, body), _] = receiver.delivered

    assert (body["value"], body["reason"]) == ("not\njson", "not_json")
    assert receiver.headers["traceparent"] == "00-aa-bb-01"


@pytest.mark.parametrize(
    "url",
    ["http://[::1", "https://xn--/", "http://a..b/", "https://a:b/", "http:///x", "https://u@a/"],
)
def test_a_url_that_cannot_be_asked_is_refused(url: str) -> None:
    with pytest.raises(ValidationError) as raised:
        settings(url)

    assert [error["loc"] for error in raised.value.errors()] == [("url",)]


def test_trouble_is_said_once_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with Receiver() as receiver:
        receiver.answers = [500] * 10
        delivery(settings(receiver.url, failures=100), RunContext("p")).deliver([record(1)])

    assert caplog.text.count("retrying") == 1
    assert caplog.text.count("answers again") == 1


def test_a_receiver_that_does_not_answer_is_given_up_and_tried_again() -> None:
    context = RunContext("p")
    with Receiver() as receiver:
        receiver.hang = 0.5
        post = WebhookClient(settings(receiver.url, timeout="100ms"))
        with pytest.raises(TransientError, match=r"did not answer in 0\.1 s") as raised:
            post.send(record(1))

    assert raised.value.kind == "timeout"
    assert context.pipeline == "p"


class Dripping:
    """A receiver that reads a request, sends `first`, and then a byte now and then, without end."""

    def __init__(self, first: bytes) -> None:
        self._first = first
        self._listening = socket.create_server((HOST, 0))
        self._ended = Event()
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()
        self.url = f"http://{HOST}:{self._listening.getsockname()[1]}/hook"

    def __enter__(self) -> Dripping:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        client, _ = self._listening.accept()
        with client, suppress(OSError):
            client.recv(65_536)
            client.sendall(self._first)
            while not self._ended.wait(0.05):
                client.sendall(b"x")


def test_headers_that_drip_are_given_up_by_the_deadline() -> None:
    with Dripping(b"HTTP/1.1 200 OK\r\nx-slow: ") as receiver:
        post = WebhookClient(settings(receiver.url, timeout="300ms"))

        with pytest.raises(TransientError, match=r"did not answer in 0\.3 s") as raised:
            post.send(record(1))

    assert raised.value.kind == "timeout"


def test_a_body_that_drips_does_not_undo_the_status() -> None:
    with Dripping(b"HTTP/1.1 200 OK\r\n\r\n") as receiver:
        WebhookClient(settings(receiver.url, timeout="300ms")).send(record(1))

    with (
        Dripping(b"HTTP/1.1 422 No\r\n\r\n") as receiver,
        pytest.raises(RecordRejectedError, match="answered 422"),
    ):
        WebhookClient(settings(receiver.url, timeout="300ms")).send(record(1))


def test_a_proxy_is_held_to_the_deadline_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with Dripping(b"HTTP/1.1 200 OK\r\nx-slow: ") as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        post = WebhookClient(settings("http://receiver.invalid/hook", timeout="300ms"))

        with pytest.raises(TransientError, match=r"did not answer in 0\.3 s"):
            post.send(record(1))


def test_errors_show_scheme_and_host_alone() -> None:
    with Receiver() as receiver:
        receiver.answers = [503]
        post = WebhookClient(settings(receiver.url.replace("/hook", "/services/tok-en-77")))

        with pytest.raises(TransientError) as raised:
            post.send(record(1))

    assert str(raised.value) == f"http://{HOST}:{receiver.port} answered 503 ''"


def test_retry_after_is_obeyed_within_reason() -> None:
    with Receiver() as receiver:
        post = WebhookClient(settings(receiver.url))
        for after, seconds in (("7", 7.0), ("soon", 0.0), ("99999999", 3_600.0), ("-5", 0.0)):
            receiver.answers, receiver.after = [429], after
            with pytest.raises(TransientError) as raised:
                post.send(record(1))
            assert raised.value.after == seconds
        receiver.answers = [400]
        with pytest.raises(RecordRejectedError):
            post.send(record(1))


def test_ids_are_known_after_a_crash_and_in_another_number_of_processes(tmp_path: Path) -> None:
    first = DeliveredIds(
        RunContext("p", state=tmp_path, process=1, processes=2), "anomalies", "url", 3
    )
    for number in range(5):
        first.add(f"id{number}")
    after = DeliveredIds(RunContext("p", state=tmp_path), "anomalies", "url", 3)

    # Of two generations of three, the older one is whole.
    assert [n for n in range(5) if f"id{n}" in after] == [0, 1, 2, 3, 4]
    assert "id1" not in DeliveredIds(RunContext("p", state=tmp_path), "anomalies", "another url")
    assert "id1" not in DeliveredIds(RunContext("p", state=tmp_path), "scores", "url")


def test_old_ids_are_forgotten(tmp_path: Path) -> None:
    sent = DeliveredIds(RunContext("p", state=tmp_path), "anomalies", "url", 3)
    for number in range(10):
        sent.add(f"id{number}")

    assert [n for n in range(10) if f"id{n}" in sent] == [6, 7, 8, 9]
    assert sum(len(file.read_text().split()) for file in tmp_path.iterdir()) == 4


def test_the_pace_spaces_requests_evenly() -> None:
    now = [100.0]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = RateLimiter(10.0, lambda: now[0], sleep)
    for _ in range(3):
        pace.wait()
    now[0] += 5.0
    pace.wait()
    pace.wait()

    assert slept == pytest.approx([0.1, 0.1, 0.1])


def test_check_reaches_the_receiver_and_delivers_nothing() -> None:
    with Receiver() as receiver:
        WebhookSink(settings(receiver.url), RunContext("p"), "anomalies").check()

    assert receiver.seen == []
    nobody = f"http://{HOST}:{free_port()}/hook"
    with pytest.raises(RetryableError, match="Is a receiver listening there"):
        WebhookSink(settings(nobody), RunContext("p"), "anomalies").check()
    with pytest.raises(ConnectorError, match="cannot be read"):
        WebhookSink(settings(nobody, ca="/no/such.pem"), RunContext("p"), "anomalies").check()
