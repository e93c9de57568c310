"""The sink `store`, on SQLite and on a real PostgreSQL that is stopped and started."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from connectors.sql.sink import StoreSink
from connectors.sql.sink_settings import StoreSettings
from connectors.sql.store import SqlStore
from engine.application.ports import RunContext
from engine.domain.control.page import AnomalyFilter, IncidentFilter
from engine.domain.errors import ConnectorError, RetryableError
from engine.domain.record import Record
from tests.support.postgres_server import PASSWORD, PostgresServer
from tests.support.published import anomaly, incident

HEADERS = (("pynomaly-schema-version", b"1"),)
QUICK = {"longest_wait": "50ms", "pause": "100ms", "timeout": "2s"}


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


def record(document: Any) -> Record:
    key = str(document["entity"]).encode()
    return Record(key, orjson.dumps(document), HEADERS, 0, str(document["id"]))


def write(chosen: StoreSettings, context: RunContext, *records: Record) -> None:
    part = StoreSink(chosen, context, "anomalies").sink().build_part("step", "0", None)
    part.write_batch([list(records)])
    part.snapshot()
    part.close()


def in_postgres(server: PostgresServer) -> StoreSettings:
    database = server.url.replace("postgresql://", "postgresql+psycopg://")
    return StoreSettings.model_validate(
        {"database": database, "password": SecretStr(PASSWORD), **QUICK}
    )


def in_sqlite(directory: Path) -> StoreSettings:
    return StoreSettings.model_validate({"directory": directory, **QUICK})


def opened(settings: StoreSettings) -> closing[SqlStore]:
    secret = settings.password
    return closing(SqlStore(settings.url, None if secret is None else secret.get_secret_value()))


def prepared(settings: StoreSettings) -> StoreSettings:
    with opened(settings) as store:
        store.prepare()
    return settings


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> StoreSettings:
    """Those of a sink whose store a server has prepared."""
    if request.param == "sqlite":
        made = in_sqlite(tmp_path)
    else:
        server: PostgresServer = request.getfixturevalue("server")
        with server.connect() as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        made = in_postgres(server)
    return prepared(made)


def test_stores_anomalies_and_incidents_once(settings: StoreSettings) -> None:
    context = RunContext("p")
    found = [record(anomaly(1)), record(anomaly(2))]

    write(settings, context, *found)
    write(settings, context, *found, record(anomaly(3)), record(incident(1, 2)))

    with opened(settings) as store, store.reading() as work:
        anomalies = work.anomalies.find(AnomalyFilter(), None, 10).items
        incidents = work.incidents.find(IncidentFilter(), None, 10).items
    assert len(anomalies) == 3
    assert [(one.id, one.facts.count) for one in incidents][-1] == (f"{1:032x}", 2)
    delivered = context.telemetry.registry.get_sample_value
    assert delivered("pynomaly_delivered_records_total", {"sink": "anomalies"}) == 6


def test_refuses_a_directory_without_a_store(tmp_path: Path) -> None:
    sink = StoreSink(in_sqlite(tmp_path / "none"), RunContext("p"), "anomalies")

    with pytest.raises(ConnectorError, match="holds no store: start `pynomaly serve` once"):
        sink.check()
    assert not (tmp_path / "none").exists()


def test_refuses_a_database_without_tables(server: PostgresServer) -> None:
    with server.connect() as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")

    with pytest.raises(ConnectorError, match="empty: run pynomaly store migrate"):
        StoreSink(in_postgres(server), RunContext("p"), "anomalies").check()


def test_a_record_that_can_never_be_stored_stops_no_other(
    settings: StoreSettings, tmp_path: Path
) -> None:
    refused = tmp_path / "refused.ndjson"
    chosen = settings.model_copy(update={"refused": str(refused)})
    bad = Record(b"pump-1", b'{"id": "bad"}', HEADERS, 0, "bad")

    write(chosen, RunContext("p"), record(anomaly(1)), bad, record(anomaly(2)))

    with opened(settings) as store, store.reading() as work:
        assert len(work.anomalies.find(AnomalyFilter(), None, 10).items) == 2
    [line] = refused.read_text().splitlines()
    assert orjson.loads(line)["id"] == "bad"


def test_waits_for_a_database_that_is_killed(server: PostgresServer) -> None:
    settings = prepared(in_postgres(server))
    context = RunContext("p")
    part = StoreSink(settings, context, "anomalies").sink().build_part("step", "0", None)
    part.write_batch([[record(anomaly(1))]])
    part.snapshot()
    server.kill()

    with pytest.raises(RetryableError, match="Is the database of pynomaly serve listening there"):
        StoreSink(settings, context, "anomalies").check()
    writing = Thread(target=_write_and_store, args=(part, range(1, 300)), daemon=True)
    writing.start()
    errors = {"sink": "anomalies", "kind": "database"}
    while not context.telemetry.registry.get_sample_value("pynomaly_sink_errors_total", errors):
        assert writing.is_alive()
        time.sleep(0.01)
    server.start()
    writing.join(120)

    assert not writing.is_alive()
    part.close()
    with opened(settings) as store, store.reading() as work:
        assert len(work.anomalies.find(AnomalyFilter(), None, 1_000).items) == 299


def _write_and_store(part: Any, numbers: range) -> None:
    part.write_batch([[record(anomaly(number)) for number in numbers]])
    part.snapshot()
