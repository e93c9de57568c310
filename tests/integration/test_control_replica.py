"""Two servers on one PostgreSQL with a streaming replica: one dies, then the primary."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from engine.application.control.ingest import ingest
from engine.domain.control.role import Role
from engine.presentation.cli.control_store import PASSWORD as VARIABLE
from engine.presentation.cli.control_store import open_store
from tests.support.api_server import ApiServer, users_of_each_role
from tests.support.postgres_server import PASSWORD, PostgresServer
from tests.support.prometheus_servers import wait_for
from tests.support.published import anomaly

COMMENTS = f"/api/v1/incidents/{1:032x}/comments"


def sqlalchemy_url(server: PostgresServer) -> str:
    return server.url.replace("postgresql://", "postgresql+psycopg://")


def test_reads_go_on_without_the_primary_and_changes_say_when_to_try_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, PASSWORD)
    with PostgresServer() as primary:
        if not primary.can_stream:
            pytest.skip("this build of PostgreSQL has no replication")
        with PostgresServer(primary) as replica:
            places = [sqlalchemy_url(primary), "--read-database", sqlalchemy_url(replica)]
            store = open_store(tmp_path / "own", places[0])
            tokens = users_of_each_role(store, time.time_ns())
            with store.writing() as work:
                ingest(work, [anomaly(n) for n in range(1, 4)])
            store.close()
            wait_for(lambda: _count(replica) == 3, "the replica")
            headers = {"Authorization": f"Bearer {tokens[Role.OPERATOR]}"}
            with (
                ApiServer(tmp_path / "first", "--database", *places) as first,
                ApiServer(tmp_path / "second", "--database", *places) as second,
                httpx.Client(base_url=second.url, headers=headers, timeout=60) as client,
            ):
                made = httpx.post(
                    f"{first.url}{COMMENTS}", json={"text": "one"}, headers=headers, timeout=60
                )
                first.kill()
                found = client.get(COMMENTS).json()["items"]
                primary.kill()
                listed = client.get("/api/v1/anomalies")
                refused = client.post(COMMENTS, json={"text": "two"})
                primary.start()
                wait_for(lambda: _comment(client, "three") == 201, "the primary")
                after = client.get(COMMENTS).json()["items"]

    assert made.status_code == 201
    assert [one["text"] for one in found] == ["one"]
    assert (listed.status_code, len(listed.json()["items"])) == (200, 3)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert [one["text"] for one in after] == ["one", "three"]


def _count(server: PostgresServer) -> object:
    [[count]] = server.query("SELECT count(*) FROM anomalies")
    return count


def _comment(client: httpx.Client, text: str) -> int:
    return client.post(COMMENTS, json={"text": text}).status_code
