"""A PostgreSQL that is gone for good: its replica is promoted, and the store goes on with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.sql.store import SqlStore
from engine.application.control.ingest import ingest
from engine.application.control_ports import Store
from engine.domain.control.page import AnomalyFilter
from engine.domain.errors import RetryableError
from tests.support.postgres_server import PASSWORD, PostgresServer
from tests.support.prometheus_servers import wait_for
from tests.support.published import anomaly


@pytest.fixture
def pair() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """A primary, and a replica that follows it."""
    with PostgresServer() as primary:
        if not primary.can_stream:
            pytest.skip("this build of PostgreSQL has no replication")
        with PostgresServer(primary) as replica:
            yield primary, replica


def add(store: Store, number: int) -> None:
    with store.writing() as work:
        ingest(work, [anomaly(number)])


def stored(store: Store) -> list[str]:
    with store.reading() as work:
        return [one.id for one in work.anomalies.find(AnomalyFilter(), None, 10).items]


def test_a_promoted_replica_is_written_to_without_a_restart(
    pair: tuple[PostgresServer, PostgresServer],
) -> None:
    primary, replica = pair
    hosts = "&".join(f"host={one.address}" for one in pair)
    url = f"postgresql+psycopg://tester@/postgres?{hosts}&sslmode=disable"
    read_url = replica.url.replace("://", "+psycopg://")
    store = SqlStore(f"{url}&target_session_attrs=read-write", PASSWORD, read_url)
    store.prepare()
    add(store, 1)
    query = "SELECT to_regclass('anomalies') IS NOT NULL AND pg_last_wal_replay_lsn() >= '{}'"
    [(end,)] = primary.query("SELECT pg_current_wal_lsn()::text")
    wait_for(lambda: replica.query(query.format(end)) == [(True,)], "the replica")

    primary.kill()
    with pytest.raises(RetryableError, match="cannot be used now"):
        add(store, 2)
    meanwhile = stored(store)
    replica.promote()
    add(store, 3)
    after = stored(store)
    store.close()

    assert meanwhile == [f"{1:032x}"]
    assert after == [f"{3:032x}", f"{1:032x}"]
