"""`pynomaly mcp` as assistants use it: by the protocol's own client, on a real server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import TextContent

from engine.application.control.ingest import ingest
from engine.domain.control.role import Role
from engine.presentation.cli.control_store import open_store
from tests.support.api_server import PYNOMALY, ApiServer, users_of_each_role
from tests.support.bound_process import start_bound
from tests.support.kafka_settings import HOST, free_port
from tests.support.prometheus_servers import wait_for
from tests.support.published import anomaly

BROKEN = "name: quick\nsource: {file: {path: readings.ndjson}}\nevent: {key: sensor}\n"


@dataclass(frozen=True)
class Served:
    """A server with an incident, and tokens of each role."""

    url: str
    tokens: dict[Role, str]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = ApiServer(tmp_path_factory.mktemp("mcp"))
    store = open_store(server.directory, None)
    tokens = users_of_each_role(store, time.time_ns())
    with store.writing() as work:
        ingest(work, [anomaly(1)])
    store.close()
    with server:
        yield Served(server.url, tokens)


async def ask(client: Client, tool: str, **given: Any) -> tuple[bool, Any]:
    """Return whether a tool failed, and its result or error."""
    result = await client.call_tool(tool, given)
    if result.is_error:
        [content] = result.content
        assert isinstance(content, TextContent)
        return True, content.text
    return False, result.structured_content


async def by_stdio(served: Served, role: Role) -> dict[str, Any]:
    environment = {"PYNOMALY_TOKEN": served.tokens[role]}
    command = StdioServerParameters(
        command=PYNOMALY, args=["--server", served.url, "mcp"], env=environment
    )
    async with Client(stdio_client(command)) as client:
        return {
            "tools": (await client.list_tools()).tools,
            "incidents": await ask(client, "list_incidents", status="open"),
            "incident": await ask(client, "read_incident", incident=f"{1:032x}"),
            "none": await ask(client, "read_incident", incident="none"),
            "invalid": await ask(client, "validate", text=BROKEN),
            "backtest": await ask(
                client, "start_backtest", pipeline="none", source={"dataset": "plant"}
            ),
        }


def test_an_assistant_reads_and_checks_over_standard_input_and_output(served: Served) -> None:
    found = asyncio.run(by_stdio(served, Role.EDITOR))

    hints = {tool.name: tool.annotations.read_only_hint for tool in found["tools"]}
    assert not hints.pop("start_backtest")
    assert len(hints) >= 9
    assert all(hints.values())
    assert [one["id"] for one in found["incidents"][1]["items"]] == [f"{1:032x}"]
    assert found["incident"][1]["comments"] == []
    assert found["none"][0]
    failed, text = found["invalid"]
    assert failed
    assert "event" in text
    assert found["backtest"][0]


def test_a_viewer_may_read_and_nothing_else(served: Served) -> None:
    found = asyncio.run(by_stdio(served, Role.VIEWER))

    assert not found["incidents"][0]
    for refused in ("invalid", "backtest"):
        failed, text = found[refused]
        assert failed
        assert "viewer" in text


async def by_http(url: str, token: str | None) -> tuple[bool, Any]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        return await ask(client, "list_anomalies", limit=5)


def test_over_http_each_request_shows_a_token_of_its_own(served: Served, tmp_path: Path) -> None:
    port = free_port()
    command = [PYNOMALY, "--server", served.url, "mcp", "--http", f"{HOST}:{port}"]
    process = start_bound(command, tmp_path / "log")
    try:
        wait_for(lambda: _answers(port), "the server of the protocol")
        url = f"http://{HOST}:{port}/mcp"
        failed, given = asyncio.run(by_http(url, served.tokens[Role.VIEWER]))
        without, text = asyncio.run(by_http(url, None))
        wrong, denied = asyncio.run(by_http(url, "pyn_wrong"))
        rebound = httpx2.post(url, json={}, headers={"Host": "evil.example"}, timeout=60)
    finally:
        process.terminate()
        process.wait(120)

    assert not failed
    assert [one["id"] for one in given["items"]] == [f"{1:032x}"]
    assert (without, wrong) == (True, True)
    assert "a token is missing" in text
    assert "log in again" in denied
    assert rebound.status_code >= 400


def _answers(port: int) -> bool:
    try:
        return httpx2.post(f"http://{HOST}:{port}/mcp", json={}, timeout=10).status_code > 0
    except httpx2.HTTPError:
        return False
