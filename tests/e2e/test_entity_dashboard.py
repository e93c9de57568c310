"""Every query of an entity's dashboard finds what a run has written to a real PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from deploy.grafana.entity import ENTITIES, ENTITY
from deploy.grafana.store import StorePanel
from tests.e2e.test_pipeline import messages, write_pipeline
from tests.support.commands import run_command
from tests.support.postgres_server import PASSWORD, PostgresServer

PANELS = [panel for row in ENTITY.rows.values() for panel in row if isinstance(panel, StorePanel)]
STRANGE = "s17"
"""The entity of the planted spike."""


def asked(sql: str) -> str:
    """Return a query as Grafana sends it."""
    return (
        sql.replace("${table}", "pynomaly_anomalies")
        .replace("${entity:sqlstring}", f"'{STRANGE}'")
        .replace("$__timeFilter(time)", "time BETWEEN '2026-01-01' AND '2027-01-01'")
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    folder = tmp_path_factory.mktemp("store")
    (folder / "in.ndjson").write_bytes(b"\n".join(messages()))
    with PostgresServer() as server:
        sink = f'{{anomalies: {{postgres: {{url: "{server.url}", password: "${{PASSWORD}}"}}}}}}'
        source = f'{{file: {{path: "{folder}/in.ndjson"}}}}'
        file, _ = write_pipeline(folder, source, sink)
        done = run_command("run", file, environ=os.environ | {"PASSWORD": PASSWORD})
        assert done.returncode == 0, done.stderr
        yield server


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.title)
def test_every_panel_has_rows(store: PostgresServer, panel: StorePanel) -> None:
    assert store.query(asked(panel.sql))


def test_the_spike_is_an_incident_of_its_entity(store: PostgresServer) -> None:
    assert (STRANGE,) in store.query(asked(ENTITIES))
    incidents = store.query(asked(PANELS[0].sql))

    assert ("critical", "temp") in [(row[3], row[5]) for row in incidents]
