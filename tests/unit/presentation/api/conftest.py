"""The API on a store in memory, with a user of each role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from engine.application.control.caller import SYSTEM, Caller
from engine.application.control.ingest import ingest
from engine.application.control.local_runner import LocalRunner
from engine.application.control.manage_tokens import make_token
from engine.application.control.manage_users import add_user
from engine.application.control.memory_store import MemoryStore
from engine.application.control.pipeline_directory import PipelineDirectory
from engine.domain.control.role import Role
from engine.presentation.api.app import create_app
from engine.presentation.api.services import Argon2, Services
from engine.presentation.command import RUN
from tests.support.published import BEGAN, anomaly, incident

NOW = BEGAN
PASSWORD = "four common words"
PIPELINE = """
name: quick
source: {file: {path: readings.ndjson}}
event: {key: sensor, time: {path: ts, unit: ms}, values: [temperature, vibration]}
sinks: {anomalies: {stdout: {}}}
state: {directory: STATE}
"""
Ask = Callable[..., Any]


@pytest.fixture(scope="session")
def passwords() -> Argon2:
    return Argon2()


@pytest.fixture(scope="session")
def hashed(passwords: Argon2) -> str:
    return passwords.hash(PASSWORD)


@pytest.fixture
def store(hashed: str) -> MemoryStore:
    store = MemoryStore()
    with store.writing() as work:
        for role in Role:
            add_user(work, SYSTEM, NOW, f"the-{role}", role, PASSWORD, lambda _: hashed)
        ingest(work, [anomaly(n) for n in range(1, 6)])
        ingest(work, [incident(3, 4)])
    return store


@pytest.fixture(scope="session")
def app(passwords: Argon2) -> FastAPI:
    return create_app(Services(MemoryStore(), passwords=passwords))


@pytest.fixture
def pipelines(tmp_path: Path) -> PipelineDirectory:
    file = tmp_path / "quick.yaml"
    file.write_text(PIPELINE.replace("STATE", str(tmp_path / "state")))
    return PipelineDirectory({"quick": file})


@pytest.fixture
def client(
    app: FastAPI,
    store: MemoryStore,
    passwords: Argon2,
    pipelines: PipelineDirectory,
    tmp_path: Path,
) -> Iterator[TestClient]:
    app.state.services = Services(
        store,
        passwords=passwords,
        now=lambda: NOW,
        pipelines=pipelines,
        runner=LocalRunner(tmp_path, RUN),
    )
    with TestClient(app, base_url="http://server", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def ask(client: TestClient, store: MemoryStore, app: FastAPI) -> Ask:
    """Send a request with a token of a role; streams end once they have sent what there is."""
    app.state.services.live.closing = True
    tokens = {}
    with store.writing() as work:
        for role in Role:
            caller = Caller(f"the-{role}", role, "test")
            tokens[role] = make_token(work, caller, NOW, "test", None, 1).secret

    def send(method: str, path: str, role: Role = Role.ADMIN, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {tokens[role]}"} | more.pop("headers", {})
        return client.request(method, f"/api/v1{path}", headers=headers, **more)

    return send
