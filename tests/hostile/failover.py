"""`python -m tests.hostile.failover`: two servers behind nginx lose each other and PostgreSQL.

Clients write comments by way of nginx, each with an Idempotency-Key, and send one again until it is
acknowledged; both servers follow a file that grows; a client watches the stream and goes on behind
the last event that it has seen. Meanwhile one server at a time is killed by SIGKILL and started
again, and so is the PostgreSQL that they write to, of which a streaming replica is read then. In
the end the primary is killed for good, its replica is promoted, and the servers have to write to
that. Then every comment and every anomaly must be there once, every anomaly must have been seen,
and the audit log must be whole.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from unittest.mock import patch

import httpx

from engine.application.control.ingest import ingest
from engine.application.key_ring import new_key
from engine.domain.control.role import Role
from engine.presentation.cli.control_store import CACHE_PASSWORD, SECRET_KEY, open_store
from engine.presentation.cli.control_store import PASSWORD as DATABASE_PASSWORD
from tests.hostile.killed import INCIDENT, Writers, is_whole, reported
from tests.support import redis_server
from tests.support.api_server import ApiServer, users_of_each_role
from tests.support.nginx_server import NginxServer
from tests.support.postgres_server import PASSWORD, PostgresServer
from tests.support.prometheus_servers import wait_for
from tests.support.published import anomaly
from tests.support.redis_server import RedisServer

COMMENTS = f"/api/v1/incidents/{INCIDENT}/comments"
MOST_SECONDS = 1.0
ANOMALIES_A_WRITE = 4
"""The stream keeps 10,000 events, two of each anomaly: two minutes, on a slow machine as well."""


class ReplicationUnavailableError(RuntimeError):
    """PostgreSQL cannot be a replica on this machine."""


class Watcher:
    """A client of the stream that comes back whenever it breaks."""

    def __init__(self, url: str, token: str) -> None:
        self.seen: list[str] = []
        self.gaps = 0
        self._url = f"{url}/api/v1/stream?kind=anomaly"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._last = "0"
        self._stop = Event()
        self._thread = Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        with httpx.Client(headers=self._headers, timeout=20) as http:
            while not self._stop.is_set():
                try:
                    self._read(http)
                except httpx.HTTPError:
                    self._stop.wait(0.1)

    def _read(self, http: httpx.Client) -> None:
        kind = number = ""
        with http.stream("GET", self._url, headers={"Last-Event-ID": self._last}) as reply:
            for line in reply.iter_lines():
                name, _, value = line.partition(": ")
                if name == "id":
                    number = value
                elif name == "event":
                    kind = value
                elif name == "data":
                    self.gaps += kind == "gap"
                    if kind == "anomaly":
                        self.seen.append(json.loads(value)["id"])
                elif not line and number:
                    # What was cut off before its end is sent again.
                    self._last = number
                if self._stop.is_set():
                    return


@dataclass
class Plant:
    """Everything that runs."""

    primary: PostgresServer
    replica: PostgresServer
    servers: list[ApiServer]
    proxy: NginxServer
    reader: httpx.Client
    reads_failed: list[str] = field(default_factory=list)
    writes_taken: list[str] = field(default_factory=list)

    def lose_a_server(self, draw: random.Random) -> None:
        """Kill one, read by way of the other, and start it again."""
        server = draw.choice(self.servers)
        time.sleep(draw.uniform(0.0, MOST_SECONDS))
        server.kill()
        for _ in range(5):
            self._read()
        server.start()

    def lose_the_primary(self, draw: random.Random) -> None:
        """Kill it; reads go on, a change says when to try again; start it again."""
        time.sleep(draw.uniform(0.0, MOST_SECONDS))
        self.primary.kill()
        for _ in range(5):
            self._read()
        reply = self.reader.post(COMMENTS, json={"text": "without the primary"})
        if (reply.status_code, reply.headers.get("Retry-After")) != (503, "5"):
            self.writes_taken.append(f"{reply.status_code}: {reply.text}")
        self.primary.start()

    def lose_the_primary_for_good(self) -> None:
        """Promote its replica, once it has all, and write to that by way of the servers."""
        [(end,)] = self.primary.query("SELECT pg_current_wal_lsn()::text")
        has_all = f"SELECT pg_last_wal_replay_lsn() >= '{end}'"
        wait_for(lambda: self.replica.query(has_all) == [(True,)], "the replica")
        self.primary.kill()
        self._read()
        self.replica.promote()
        wait_for(self._writes, "a change on the replica that was promoted")
        self._read()

    def _writes(self) -> bool:
        # No comment: those are counted.
        path = COMMENTS.replace("/comments", "/assign")
        reply = self.reader.post(path, json={"assignee": None}, headers={"If-Match": "*"})
        return reply.status_code < 300

    def _read(self) -> None:
        reply = self.reader.get("/api/v1/anomalies?limit=1")
        if reply.status_code != 200 or len(reply.json()["items"]) != 1:
            self.reads_failed.append(f"{reply.status_code}: {reply.text}")


def run(rounds: int, seed: int, folder: Path) -> dict[str, object]:
    """Kill a server in each round, and the primary in every other; return what was found."""
    passwords = {DATABASE_PASSWORD: PASSWORD, CACHE_PASSWORD: redis_server.PASSWORD}
    passwords[SECRET_KEY] = new_key()
    draw, published = random.Random(seed), folder / "anomalies.ndjson"
    published.write_text(json.dumps(anomaly(1)) + "\n")
    with ExitStack() as stack:
        stack.enter_context(patch.dict(os.environ, passwords))
        primary = stack.enter_context(PostgresServer())
        if not primary.can_stream:
            raise ReplicationUnavailableError("this build of PostgreSQL has no replication")
        replica = stack.enter_context(PostgresServer(primary))
        redis = stack.enter_context(RedisServer())
        hosts = "&".join(f"host={one.address}" for one in (primary, replica))
        both = f"postgresql+psycopg://tester@/postgres?{hosts}&sslmode=disable"
        urls = [
            f"{both}&target_session_attrs=read-write",
            replica.url.replace("://", "+psycopg://"),
        ]
        store = open_store(folder / "own", urls[0])
        stack.callback(store.close)
        tokens = users_of_each_role(store, time.time_ns())
        with store.writing() as work:
            ingest(work, [anomaly(1)])
        shared = ["--database", urls[0], "--read-database", urls[1], "--cache", redis.url]
        shared += ["--stateless", "--no-migrate"]
        more = ["--follow", str(published), "--proxy", "127.0.0.1", *shared]
        servers = [stack.enter_context(ApiServer(folder / name, *more)) for name in ("one", "two")]
        proxy = stack.enter_context(NginxServer(folder / "nginx", [one.port for one in servers]))
        headers = {"Authorization": f"Bearer {tokens[Role.OPERATOR]}"}
        reader = stack.enter_context(httpx.Client(base_url=proxy.url, headers=headers, timeout=60))
        plant = Plant(primary, replica, servers, proxy, reader)
        writers = Writers(proxy.url, tokens[Role.OPERATOR], published, ANOMALIES_A_WRITE)
        watcher = Watcher(proxy.url, tokens[Role.VIEWER])
        writers.start()
        try:
            for number in range(rounds):
                plant.lose_a_server(draw)
                if number % 2:
                    plant.lose_the_primary(draw)
        finally:
            writers.stop()
            try:
                # Behind a gap the rest never comes: the report says so.
                wait_for(
                    lambda: watcher.gaps or len(set(watcher.seen)) >= writers.anomalies,
                    "the stream",
                )
            finally:
                watcher.stop()
        plant.lose_the_primary_for_good()
        return reported(store, writers) | {
            "seen_twice": len(watcher.seen) - len(set(watcher.seen)),
            "gaps": watcher.gaps,
            "reads_failed": plant.reads_failed,
            "not_refused": plant.writes_taken,
        }


def is_fit(report: dict[str, object]) -> bool:
    """Return whether nothing was lost or doubled, and reads went on."""
    bad = ("seen_twice", "gaps", "reads_failed", "not_refused")
    return is_whole(report) and not any(report[one] for one in bad)


def main(arguments: list[str] | None = None) -> int:
    """Run the trial, print what was found, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.failover")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    chosen = parser.parse_args(arguments)
    print(f"seed {chosen.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="pynomaly-failover-") as folder:
        report = run(chosen.rounds, chosen.seed, Path(folder))
    print(json.dumps(report))
    return 0 if is_fit(report) else 1


if __name__ == "__main__":
    sys.exit(main())
