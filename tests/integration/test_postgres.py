"""The PostgreSQL sink on a real PostgreSQL, stopped and started at will."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from threading import Thread
from typing import Any

import orjson
import pytest
from pydantic import SecretStr, ValidationError

from connectors.postgres.settings import PostgresSettings
from connectors.postgres.sink import PostgresSink
from engine.application.ports import RunContext
from engine.domain.errors import ConnectorError, RetryableError
from engine.domain.record import Record
from tests.support.postgres_server import PASSWORD, PostgresServer

HEADERS = (("pynomaly-schema-version", b"1"),)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


def settings(server: PostgresServer, **more: Any) -> PostgresSettings:
    quick = {"longest_wait": "50ms", "pause": "100ms", "timeout": "2s"}
    given = {"url": server.url, "password": SecretStr(PASSWORD), **quick, **more}
    return PostgresSettings.model_validate(given)


def records(*numbers: int) -> list[Record]:
    return [
        Record(
            f"pump-{n}".encode(),
            orjson.dumps({"id": f"id{n}", "score": n / 7}),
            HEADERS,
            1_767_225_600_123_456_789 + n,
            f"id{n}",
        )
        for n in numbers
    ]


def write(chosen: PostgresSettings, context: RunContext, *batches: list[Record]) -> None:
    part = PostgresSink(chosen, context, "anomalies").sink().build_part("step", "0", None)
    for batch in batches:
        part.write_batch([batch])
        part.snapshot()
    part.close()


def test_records_become_rows_once(server: PostgresServer) -> None:
    context = RunContext("p")
    write(settings(server), context, records(1, 2, 3), records(2, 3, 4))
    rows = server.query("SELECT id, key, record->>'score', time FROM pynomaly_anomalies ORDER BY 1")

    assert [row[0] for row in rows] == ["id1", "id2", "id3", "id4"]
    assert rows[0][1] == "pump-1"
    assert float(str(rows[2][2])) == 3 / 7
    [(micros,)] = server.query(
        "SELECT extract(microseconds FROM time)::int % 1000000 "
        "FROM pynomaly_anomalies WHERE id = 'id1'"
    )
    assert micros == 123_456


def test_nothing_is_lost_or_doubled_when_the_server_is_killed(server: PostgresServer) -> None:
    context = RunContext("p")
    chosen = settings(server, table="killed", failures=2, batch=7)
    part = PostgresSink(chosen, context, "anomalies").sink().build_part("step", "0", None)
    part.write_batch([records(*range(50))])
    part.snapshot()
    server.kill()
    writing = Thread(target=_write_and_store, args=(part, range(40, 400)), daemon=True)
    writing.start()
    state = context.telemetry.registry.get_sample_value
    while state("pynomaly_sink_breaker_state", {"sink": "anomalies"}) != 2:
        assert writing.is_alive()
        time.sleep(0.01)
    server.start()
    writing.join(120)

    assert not writing.is_alive()
    assert server.query("SELECT count(*), count(DISTINCT id) FROM killed") == [(400, 400)]
    assert state("pynomaly_sink_breaker_state", {"sink": "anomalies"}) == 0
    part.close()


def _write_and_store(part: Any, numbers: range) -> None:
    part.write_batch([records(*numbers)])
    part.snapshot()


def test_what_can_never_be_a_row_stops_no_other(server: PostgresServer, tmp_path: Any) -> None:
    context, kept = RunContext("p"), tmp_path / "refused.ndjson"
    [one, bad, two] = records(1, 2, 3)
    bad = Record(bad.key, b'{"v": 1e999999}', HEADERS, bad.timestamp, bad.id)
    nul = Record(b"k\0", b'{"v": "a\\u0000b\\\\u0000"}', HEADERS, two.timestamp, "nul")
    write(settings(server, table="mixed", refused=str(kept)), context, [one, bad, two, nul])
    rows = server.query("SELECT id, key, record->>'v' FROM mixed ORDER BY 1")

    assert [row[0] for row in rows] == ["id1", "id3", "nul"]
    assert rows[2][1:] == ("k\ufffd", "a\ufffdb\\u0000")
    [rejected] = [json.loads(line) for line in kept.read_text().splitlines()]
    assert (rejected["id"], "overflows" in rejected["why"]) == ("id2", True)
    count = context.telemetry.registry.get_sample_value
    assert count("pynomaly_sink_refused_records_total", {"sink": "anomalies"}) == 1


def test_dead_letters_keep_their_bytes(server: PostgresServer) -> None:
    letter = Record(None, b"\xff not json", (("pynomaly-reason", b"not_json"),), 0, "t-0-7")
    write(settings(server, table="letters"), RunContext("p"), [letter])
    [(key, reason, value)] = server.query(
        "SELECT key, record->>'reason', record->>'value_base64' FROM letters"
    )

    assert (key, reason, value) == (None, "not_json", "/yBub3QganNvbg==")


def test_check_makes_nothing(server: PostgresServer) -> None:
    sink = PostgresSink(settings(server, table="unmade"), RunContext("p"), "anomalies")
    sink.check()

    assert server.query("SELECT to_regclass('unmade') IS NULL") == [(True,)]


def test_what_is_wrong_is_reported_with_what_to_do(server: PostgresServer) -> None:
    with server.connect() as connection:
        connection.execute("CREATE TABLE other (id int)")
    sink = PostgresSink(settings(server, table="other"), RunContext("p"), "anomalies")

    with pytest.raises(ConnectorError, match=r'table "other".*CREATE TABLE other'):
        sink.check()
    with pytest.raises(ConnectorError, match='table "other"'):
        write(settings(server, table="other"), RunContext("p"), records(1))
    wrong = settings(server, password=SecretStr("not this one"))
    with pytest.raises(RetryableError, match="password authentication failed") as raised:
        PostgresSink(wrong, RunContext("p"), "anomalies").check()
    assert "not this one" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:secret-word@host/db",
        "postgresql://host/db?password=secret-word",
        "postgresql://host/db?pass%77ord=secret-word",
        "postgresql://me:secret-word%zz@host/db",
    ],
)
def test_a_password_in_the_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ValidationError) as raised:
        PostgresSettings.model_validate({"url": url})
    messages = [error["msg"] for error in raised.value.errors()]

    assert "secret-word" not in " ".join(messages)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("sslmod=require", 'Did you mean "sslmode"?'),
        ("options=-c%20search_path=x", "expected postgresql://user@host/database"),
    ],
)
def test_a_url_that_libpq_does_not_know_is_refused_and_not_quoted(more: str, message: str) -> None:
    with pytest.raises(ValidationError) as raised:
        PostgresSettings.model_validate({"url": f"postgresql://host/db?{more}"})

    error = str(raised.value.errors()[0]["ctx"])
    assert message in error
    assert more not in error


def test_a_server_that_stops_in_the_midst_is_given_up_and_tried_again(
    server: PostgresServer,
) -> None:
    context = RunContext("p")
    chosen = settings(server, table="stopped", timeout="500ms", failures=100)
    part = PostgresSink(chosen, context, "anomalies").sink().build_part("step", "0", None)
    part.write_batch([records(1)])
    part.snapshot()
    count = context.telemetry.registry.get_sample_value
    kinds = {"sink": "anomalies", "kind": "timeout"}
    with server.stopped():
        # On a busy machine the server may have taken too long before it stopped.
        before = count("pynomaly_sink_errors_total", kinds)
        writing = Thread(target=_write_and_store, args=(part, range(2, 5)), daemon=True)
        writing.start()
        until = time.monotonic() + 120
        while count("pynomaly_sink_errors_total", kinds) == before:
            assert writing.is_alive()
            assert time.monotonic() < until, "a server that has stopped is waited for"
            time.sleep(0.05)

    writing.join(60)

    assert not writing.is_alive()
    assert server.query("SELECT count(*) FROM stopped") == [(4,)]
    part.close()
