"""`pynomaly serve` as people use it: the tour of its page, a stop, a damaged log."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import httpx
import pytest

from tests.e2e.guide import Command, steps
from tests.support.commands import run_command
from tests.support.dead_letters import write_letters
from tests.support.forked_command import ForkedCommand
from tests.support.kafka_settings import free_port
from tests.support.oidc_provider import OidcProvider
from tests.support.published import anomaly, incident
from tests.support.readings import write_readings

PAGE = Path(__file__).parents[2] / "docs" / "server.md"
BIN = Path(sys.executable).parent
PATIENCE = 180.0
PIPELINE = """
name: quick
source: {file: {path: readings.ndjson}}
event: {key: sensor, time: {path: ts, unit: ms}, values: [temperature]}
sinks:
  anomalies: {file: {path: anomalies.ndjson}}
  dead_letters: {file: {path: dead_letters.ndjson}}
"""


@contextmanager
def served(folder: Path, *more: str) -> Iterator[tuple[str, list[str]]]:
    """Run a server; give its address and what it printed, and see that it ends in order."""
    out = folder / "printed"
    with (folder / "log").open("wb") as log, out.open("wb") as printed:
        words = ["serve", "--port", "0", *more]
        process = ForkedCommand(*words, folder=folder, stdout=printed, stderr=log)
    try:
        until = time.monotonic() + PATIENCE
        while not _answers(out):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.05)
        yield _address(out), out.read_text().splitlines(keepends=True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0, (folder / "log").read_text()
    finally:
        process.kill()
        process.wait()


def _address(printed: Path) -> str:
    """Return where a server says that it is; "" before it has."""
    first = printed.read_text().partition("\n")[0]
    return first.removeprefix("API: ").removesuffix("/api/v1")


def _answers(printed: Path) -> bool:
    address = _address(printed)
    if not address:
        return False
    try:
        # httpx would load certificates at each look, which takes longer than the look.
        with urlopen(f"{address}/healthz", timeout=10) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def _write(file: Path, *documents: object) -> None:
    with file.open("a") as lines:
        lines.writelines(json.dumps(one) + "\n" for one in documents)


@pytest.mark.skipif(shutil.which("curl") is None, reason="the tour needs curl")
def test_what_the_tour_says_is_true(tmp_path: Path) -> None:
    _write(tmp_path / "anomalies.ndjson", *(anomaly(n) for n in range(1, 4)))
    write_letters(
        tmp_path / "dead_letters.ndjson", [("not_json", "unexpected end", "20.3 degrees")]
    )
    write_readings(tmp_path / "readings.ndjson")
    (tmp_path / "quick.yaml").write_text(PIPELINE)
    first, *commands = [step for step in steps(PAGE) if isinstance(step, Command)]
    assert first.text.startswith("pynomaly serve ")

    with served(tmp_path, *first.text.split()[2:]) as (address, printed):
        port = address.rpartition(":")[2]
        shown = "".join(printed).replace(port, "8420")
        environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
        for command in commands:
            if command.text.startswith("export TOKEN="):
                environment["TOKEN"] = printed[-1].strip()
                continue
            _do(command, port, tmp_path, environment)

    assert first.fits(shown), shown


def _do(command: Command, port: str, folder: Path, environment: dict[str, str]) -> None:
    """Run a command of the tour; again, while what the server follows has not all come."""
    until = time.monotonic() + PATIENCE
    while True:
        text = command.text.replace("8420", port)
        done = subprocess.run(
            ["bash", "-c", text],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        printed = done.stdout.replace("\r", "")
        if printed and not printed.endswith("\n"):
            printed += "\n"
        if done.returncode == 0 and command.fits(printed):
            return
        reads = "-X" not in command.text
        assert reads, f"{PAGE}:{command.line}\n{text}\n{done}"
        assert time.monotonic() < until, f"{PAGE}:{command.line}\n{text}\n{done}"
        time.sleep(0.2)


def test_goes_on_where_it_was_and_shows_the_token_once(tmp_path: Path) -> None:
    file = tmp_path / "anomalies.ndjson"
    _write(file, anomaly(1))
    with served(tmp_path, "--follow", str(file)) as (_, printed):
        token = printed[-1].strip()
    _write(file, anomaly(2), incident(1, 3))

    with served(tmp_path, "--follow", str(file)) as (address, again):
        headers = {"Authorization": f"Bearer {token}"}
        until = time.monotonic() + PATIENCE
        while True:
            found = httpx.get(f"{address}/api/v1/incidents", headers=headers, timeout=120).json()
            counts = [one["count"] for one in found["items"]]
            if counts == [1, 3]:
                break
            assert time.monotonic() < until, found
            time.sleep(0.1)

    assert len(again) == 1


def test_a_pipeline_writes_to_the_store_itself(tmp_path: Path) -> None:
    write_readings(tmp_path / "readings.ndjson")
    text = PIPELINE.replace("file: {path: anomalies.ndjson}", "store: {directory: server}")
    (tmp_path / "quick.yaml").write_text(f"{text}metrics: {{port: {free_port()}}}\n")
    with served(tmp_path, "--directory", "server") as (address, printed):
        headers = {"Authorization": f"Bearer {printed[-1].strip()}"}

        ran = run_command("run", "quick.yaml", folder=tmp_path)

        assert ran.returncode == 0, ran.stderr
        found = httpx.get(f"{address}/api/v1/anomalies", headers=headers, timeout=120).json()
    assert [one["values"][0]["value"] for one in found["items"]] == [900.0]


def test_five_hundred_clients_watch_and_the_server_ends_in_order(tmp_path: Path) -> None:
    file = tmp_path / "anomalies.ndjson"
    file.touch()
    with served(tmp_path, "--follow", str(file)) as (address, printed):
        found = asyncio.run(_watched(address, printed[-1].strip(), file))

    wanted = [f"{n:032x}" for n in range(1, 21)]
    assert [one for one in found if one != wanted] == []
    assert len(found) == 500


async def _watched(address: str, token: str, file: Path) -> list[list[str]]:
    """Return the ids of the anomalies that each client sees; half of them come back later."""
    host, _, port = address.removeprefix("http://").partition(":")
    ready = asyncio.Semaphore(0)
    head = f"GET /api/v1/stream?kind=anomaly HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer "

    async def watch(number: int) -> list[str]:
        ids: list[str] = []
        last = "0"
        while len(ids) < 20:
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(f"{head}{token}\r\nLast-Event-ID: {last}\r\n\r\n".encode())
            while line := await reader.readline():
                if line.startswith(b"retry:"):
                    ready.release()
                if line.startswith(b"id: "):
                    last = line[4:].strip().decode()
                if line.startswith(b"data: "):
                    ids.append(json.loads(line[6:])["id"])
                    if len(ids) == 20 or (len(ids) == 10 and number % 2):
                        break
            writer.close()
        return ids

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        tasks = [group.create_task(watch(number)) for number in range(500)]
        for _ in tasks:
            await ready.acquire()
        _write(file, *(anomaly(n) for n in range(1, 21)))
    return [task.result() for task in tasks]


def test_the_demonstration_runs_beside_the_server_and_leaves_nothing(tmp_path: Path) -> None:
    with served(tmp_path, "--demo") as (address, printed):
        headers = {"Authorization": f"Bearer {printed[-1].strip()}"}
        until = time.monotonic() + PATIENCE
        while "the stream has begun" not in (tmp_path / "log").read_text():
            assert time.monotonic() < until, (tmp_path / "log").read_text()
            time.sleep(0.1)
        found = httpx.get(f"{address}/api/v1/incidents", headers=headers, timeout=60)
        url = f"{address}/api/v1/pipelines/demo"
        while (shown := httpx.get(url, headers=headers, timeout=60)).status_code == 404:
            assert time.monotonic() < until, (tmp_path / "log").read_text()
            time.sleep(0.1)

    assert found.status_code == 200
    assert "topic: readings" in shown.json()["text"]
    assert {one.name for one in tmp_path.iterdir()} == {"log", "printed"}


def test_other_commands_load_nothing_of_the_server() -> None:
    code = (
        "import sys, engine.presentation.cli.main\n"
        "print([name for name in ('fastapi', 'sqlalchemy', 'uvicorn', 'alembic', 'pwdlib') "
        "if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_a_browser_is_sent_to_the_identity_provider(tmp_path: Path) -> None:
    with OidcProvider() as provider:
        (tmp_path / "oidc.yaml").write_text(
            f"issuer: {provider.issuer}\nclient_id: pynomaly\nurl: https://pynomaly.example\n"
            'roles: {viewer: ["*"]}\n'
        )
        with served(tmp_path, "--oidc", "oidc.yaml") as (address, _):
            found = httpx.get(f"{address}/api/v1/session/oidc", timeout=60)

    assert found.status_code == 302
    assert found.headers["Location"].startswith(f"{provider.issuer}/authorize?")
