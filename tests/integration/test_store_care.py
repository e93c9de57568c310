"""The store over time: brought up to date with what is in it, saved while it is used, restored."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from connectors.sql.database import connect
from connectors.sql.incidents import row_of
from connectors.sql.migrate import configuration
from connectors.sql.store import SqlStore
from connectors.sql.tables import metadata
from engine.application.control.caller import SYSTEM
from engine.application.control.ingest import ingest
from engine.application.control.read_audit import verify_audit
from engine.application.control_ports import Store
from engine.domain.control.audit import AuditEntry
from engine.domain.control.incident import Incident, incident_facts
from engine.domain.control.page import AnomalyFilter, IncidentFilter
from engine.domain.control.role import Role
from engine.domain.control.stored_anomaly import stored_anomaly
from engine.domain.errors import ConnectorError
from engine.presentation.cli.control_store import open_store
from tests.support.postgres_server import PASSWORD, PostgresServer
from tests.support.published import BEGAN, anomaly, incident, story

OLDER = [
    script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()
][:0:-1]
"""Revisions that a database may be of, the oldest first, without the newest."""


@dataclass(frozen=True)
class Place:
    """A database."""

    url: str
    password: str | None

    def store(self) -> SqlStore:
        return SqlStore(self.url, self.password)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty database."""
    if request.param == "sqlite":
        return Place(f"sqlite:///{tmp_path}/store.db", None)
    server = request.getfixturevalue("server")
    with server.connect() as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return Place(server.url.replace("://", "+psycopg://"), PASSWORD)


def fill(store: Store, count: int) -> None:
    """Store anomalies, each with an audit record."""
    for number in range(1, count + 1):
        with store.writing() as work:
            ingest(work, [anomaly(number)])
            work.audit.append(
                AuditEntry(BEGAN + number, "ada", "local", "x", str(number), "null", "null", "")
            )


def content(store: Store) -> dict[str, Any]:
    with store.reading() as work:
        audit = verify_audit(work, SYSTEM)
        return {
            "anomalies": [
                one.document for one in work.anomalies.find(AnomalyFilter(), None, 100).items
            ],
            "incidents": [one.id for one in work.incidents.find(IncidentFilter(), None, 100).items],
            "users": [(user.name, user.role) for user in work.users.all()],
            "audit": (audit.records, audit.digest),
        }


def old_rows(connection: sa.Connection) -> None:
    """Store what the first release stored, by its tables."""
    document = anomaly(1)
    tables = sa.MetaData()
    tables.reflect(connection)
    connection.execute(
        tables.tables["anomalies"].insert(),
        {
            "id": document["id"],
            "pipeline": document["pipeline"],
            "entity": document["entity"],
            "time": BEGAN,
            "severity": document["severity"],
            "kind": document["kind"],
            "score": 9.0,
            "p_value": 1e-9,
            "incident": stored_anomaly(document).incident,
            "summary": "old",
            "document": orjson.dumps(document).decode(),
        },
    )
    user = {"name": "ada", "role": "admin", "disabled": False, "created": BEGAN}
    more = {"failures": 0, "locked_until": 0, "revision": 1, "password": None}
    connection.execute(tables.tables["users"].insert(), user | more)


def test_a_database_of_the_first_release_keeps_what_is_in_it(place: Place) -> None:
    engine = connect(place.url, place.password)
    config = configuration()
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        old_rows(connection)
    engine.dispose()
    store = place.store()

    with pytest.raises(ConnectorError, match=r'older release \(revision "0001"\).*store migrate'):
        store.prepare(migrating=False)
    store.prepare()
    store.prepare(migrating=False)
    before = content(store)
    fill(store, 3)
    after = content(store)
    store.close()

    assert before["anomalies"] == [anomaly(1)]
    assert before["users"] == [("ada", Role.ADMIN)]
    assert len(after["anomalies"]) == 3
    assert after["audit"][0] == before["audit"][0] + 3


def test_incidents_of_an_older_release_are_found_by_their_story(place: Place) -> None:
    engine = connect(place.url, place.password)
    config = configuration()
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "0016")
        for document in (incident(1), incident(2, story=story(f"{2:032x}", 1))):
            found = Incident(*incident_facts(document))
            row = row_of(found)
            del row["story"]
            tables = sa.MetaData()
            tables.reflect(connection)
            connection.execute(tables.tables["incidents"].insert(), row)
    engine.dispose()
    store = place.store()

    store.prepare()
    with store.reading() as work:
        of_story = work.incidents.find(IncidentFilter(story="s"), None, 10).items
        all_of_them = work.incidents.find(IncidentFilter(), None, 10).items
    store.close()

    assert [one.id for one in of_story] == [f"{2:032x}"]
    assert [one.facts.story for one in all_of_them] == ["s", None]


@pytest.mark.parametrize("revision", OLDER)
def test_a_database_of_each_older_revision_keeps_its_rows(place: Place, revision: str) -> None:
    engine = connect(place.url, place.password)
    config = configuration()
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        fill_tables(connection)
    before = rows_of(engine)
    store = place.store()

    store.prepare()
    store.close()

    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    columns = {name: list(rows[0]) for name, rows in before.items()}
    after = rows_of(engine, columns)
    engine.dispose()
    assert differences == []
    assert before == after


def fill_tables(connection: sa.Connection) -> None:
    """Store a row in each table of a revision."""
    tables = sa.MetaData()
    tables.reflect(connection)
    for table in tables.sorted_tables:
        if table.name != "alembic_version":
            row = {column.name: value_for(column) for column in table.columns}
            connection.execute(table.insert(), row)


def rows_of(
    engine: sa.Engine, columns: Mapping[str, Sequence[str]] | None = None
) -> dict[str, list[dict[str, object]]]:
    """Return the rows of all tables, or these columns of some, in an order of their own."""
    tables = sa.MetaData()
    found = {}
    with engine.connect() as connection:
        tables.reflect(connection)
        for table in tables.sorted_tables:
            wanted = (
                [one.name for one in table.columns] if columns is None else columns.get(table.name)
            )
            if table.name != "alembic_version" and wanted is not None:
                rows = connection.execute(sa.select(*(table.c[name] for name in wanted)))
                found[table.name] = sorted(map(dict, (row._mapping for row in rows)), key=str)
    return found


def value_for(column: sa.Column[Any]) -> object:
    kind = column.type.python_type
    if kind is bool:
        return True
    if kind is int:
        return 300 * 10**9
    return 0.5 if kind is float else f"a {column.name}"


def test_an_empty_database_is_refused_where_it_may_not_be_changed(place: Place) -> None:
    store = place.store()
    with pytest.raises(ConnectorError, match="is empty: run pynomaly store migrate"):
        store.prepare(migrating=False)
    store.close()


def test_a_sqlite_is_saved_while_it_is_written_and_restored(tmp_path: Path) -> None:
    saved = tmp_path / "saved.db"
    store = open_store(tmp_path / "server", None)
    fill(store, 5)
    before = content(store)
    with store.reading() as work:
        work.users.all()
        store.backup(saved)
    fill(store, 8)
    store.close()
    mode = saved.stat().st_mode & 0o777
    restored_folder = tmp_path / "restored"
    restored_folder.mkdir(mode=0o700)
    saved.rename(restored_folder / "store.db")

    restored = open_store(restored_folder, None)
    after = content(restored)
    fill(restored, 6)
    restored.close()

    assert mode == 0o600
    assert after == before
    assert before["audit"][0] == 5


def test_a_backup_never_replaces_a_file(tmp_path: Path) -> None:
    store = open_store(tmp_path / "server", None)
    file = tmp_path / "saved.db"
    file.write_text("of yesterday")

    with pytest.raises(ConnectorError, match="exists: name a new file"):
        store.backup(file)
    store.close()

    assert file.read_text() == "of yesterday"


def test_a_postgresql_is_saved_by_pg_dump_and_restored(
    server: PostgresServer, tmp_path: Path
) -> None:
    dump = server.program("pg_dump")
    if dump is None:
        pytest.skip("this build of PostgreSQL has no pg_dump")
    with server.connect() as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    place = Place(server.url.replace("://", "+psycopg://"), PASSWORD)
    store = place.store()
    store.prepare()
    fill(store, 5)
    before = content(store)
    store.close()
    saved = tmp_path / "pynomaly.dump"
    environment = {**os.environ, "PGPASSWORD": PASSWORD}

    _run([dump, "--format=custom", f"--file={saved}", server.url], environment)
    with server.connect() as connection:
        connection.execute("CREATE DATABASE restored")
    restored_url = server.url.replace("/postgres?", "/restored?")
    restore = str(Path(dump).with_name("pg_restore"))
    _run([restore, "--exit-on-error", f"--dbname={restored_url}", str(saved)], environment)
    restored = Place(restored_url.replace("://", "+psycopg://"), PASSWORD).store()
    restored.prepare(migrating=False)
    after = content(restored)
    restored.close()

    assert after == before
    assert before["audit"][0] == 5


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
