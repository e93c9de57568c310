"""`python -m tests.hostile.killed --kills 50`: exit code 0 if a killed server lost nothing.

Clients write comments, each with an Idempotency-Key, and send one again until it is acknowledged; a
file that the server follows grows meanwhile. The server is killed by SIGKILL at moments drawn from
a seed. In the end every comment and every anomaly must be there once, and the audit log whole.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from threading import Event, Thread

import httpx

from engine.application.control.caller import SYSTEM
from engine.application.control.ingest import ingest
from engine.application.control.read_audit import verify_audit
from engine.application.control_ports import Store
from engine.domain.control.page import AnomalyFilter
from engine.domain.control.role import Role
from engine.presentation.cli.control_store import open_store
from tests.support.api_server import ApiServer, users_of_each_role
from tests.support.prometheus_servers import wait_for
from tests.support.published import anomaly

INCIDENT = f"{1:032x}"
CLIENTS = 4
MOST_SECONDS = 1.5
"""From an answer of the server to its end."""
ANOMALIES_A_WRITE = 20


class Writers:
    """Clients that write comments, and a pipeline that writes anomalies, until they are stopped.

    Args:
        url: of the API.
        token: of an operator.
        published: the file of the pipeline.
        batch: anomalies that it writes in a tenth of a second.
    """

    def __init__(
        self, url: str, token: str, published: Path, batch: int = ANOMALIES_A_WRITE
    ) -> None:
        self._batch = batch
        self._url = f"{url}/api/v1/incidents/{INCIDENT}/comments"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._published = published
        self._stop = Event()
        self._threads = [Thread(target=self._write, args=(n,)) for n in range(CLIENTS)]
        self._threads.append(Thread(target=self._publish))
        self.acknowledged: list[str] = []
        self.anomalies = 1
        self.repeats = 0

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End once all that was begun is acknowledged."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _write(self, client: int) -> None:
        number = 0
        with httpx.Client(headers=self._headers, timeout=60) as http:
            while not self._stop.is_set():
                text = f"{client}-{number}"
                while not self._sent(http, text):
                    self.repeats += 1
                    time.sleep(0.02)
                self.acknowledged.append(text)
                number += 1

    def _sent(self, http: httpx.Client, text: str) -> bool:
        try:
            key = {"Idempotency-Key": text}
            return http.post(self._url, json={"text": text}, headers=key).status_code == 201
        except httpx.HTTPError:
            return False

    def _publish(self) -> None:
        with self._published.open("a") as file:
            while not self._stop.is_set():
                for _ in range(self._batch):
                    self.anomalies += 1
                    file.write(json.dumps(anomaly(self.anomalies)) + "\n")
                file.flush()
                time.sleep(0.1)


def run(kills: int, seed: int, folder: Path) -> dict[str, object]:
    """Kill a server of its own so often under load; return what was found."""
    draw, published = random.Random(seed), folder / "anomalies.ndjson"
    published.write_text(json.dumps(anomaly(1)) + "\n")
    server = ApiServer(folder, "--follow", str(published))
    store = open_store(server.directory, None)
    token = users_of_each_role(store, time.time_ns())[Role.OPERATOR]
    with store.writing() as work:
        ingest(work, [anomaly(1)])
    writers = Writers(server.url, token, published)
    with server:
        writers.start()
        try:
            for _ in range(kills):
                time.sleep(draw.uniform(0.0, MOST_SECONDS))
                server.kill()
                server.start()
        finally:
            writers.stop()
        wait_for(lambda: _anomalies(store) >= writers.anomalies, "the followed file")
    try:
        return reported(store, writers)
    finally:
        store.close()


def reported(store: Store, writers: Writers) -> dict[str, object]:
    """Compare what was acknowledged with what the store holds."""
    with store.reading() as work:
        texts = Counter(one.text for one in work.incidents.comments(INCIDENT))
        recorded = Counter(
            json.loads(one.entry.after)["text"]
            for one in work.audit.all()
            if one.entry.action == "incident.comment"
        )
        audit = verify_audit(work, SYSTEM)
    return {
        "acknowledged": len(writers.acknowledged),
        "sent_again": writers.repeats,
        "lost": len(set(writers.acknowledged) - set(texts)),
        "twice": sum(count > 1 for count in texts.values()),
        "not_in_audit": len(texts - recorded) + len(recorded - texts),
        "anomalies": writers.anomalies,
        "anomalies_lost": writers.anomalies - _anomalies(store),
        "audit_records": audit.records,
    }


def _anomalies(store: Store) -> int:
    count, behind = 0, None
    while True:
        with store.reading() as work:
            page = work.anomalies.find(AnomalyFilter(), behind, 1_000)
        count, behind = count + len(page.items), page.next
        if behind is None:
            return count


def is_whole(report: dict[str, object]) -> bool:
    """Return whether nothing was lost, doubled or left out of the audit log."""
    return not any(report[one] for one in ("lost", "twice", "not_in_audit", "anomalies_lost"))


def main(arguments: list[str] | None = None) -> int:
    """Run the trial, print what was found, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.killed")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    chosen = parser.parse_args(arguments)
    print(f"seed {chosen.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="pynomaly-killed-") as folder:
        report = run(chosen.kills, chosen.seed, Path(folder))
    print(json.dumps(report))
    return 0 if is_whole(report) else 1


if __name__ == "__main__":
    sys.exit(main())
