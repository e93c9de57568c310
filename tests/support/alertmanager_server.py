"""A real Alertmanager on loopback, and a receiver of its notifications."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.request import urlopen

import yaml

from tests.support.bound_process import start_bound
from tests.support.debian_programs import program
from tests.support.kafka_settings import HOST, free_port
from tests.support.prometheus_servers import wait_for

EACH = {"group_by": ["..."], "group_wait": "100ms", "group_interval": "500ms"}
"""A route by which each alert is a notification of its own."""


@dataclass(frozen=True)
class Notified:
    """What a receiver has got.

    Attributes:
        url: of the receiver.
        notifications: the alerts of each notification.
    """

    url: str
    notifications: list[list[dict[str, Any]]] = field(default_factory=list)

    @property
    def alerts(self) -> list[dict[str, Any]]:
        """The alerts of all notifications."""
        return [alert for notification in self.notifications for alert in notification]


@contextmanager
def receiver() -> Iterator[Notified]:
    """Yield what a receiver of notifications has got."""
    found: list[list[dict[str, Any]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            found.append(body["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield Notified(f"http://{HOST}:{server.server_port}/", found)
        server.shutdown()


@contextmanager
def running_alertmanager(
    folder: Path, webhook: str, route: Mapping[str, object] = EACH, port: int | None = None
) -> Iterator[str]:
    """Yield the URL of an Alertmanager.

    Args:
        folder: for its files.
        webhook: where it sends notifications.
        route: how it groups alerts.
        port: to listen on; a free one unless given.
    """
    config = {
        "route": {"receiver": "people", **route},
        "receivers": [
            {"name": "people", "webhook_configs": [{"url": webhook, "send_resolved": True}]}
        ],
    }
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
    port, path = port or free_port(), Path(program("prometheus-alertmanager"))
    command = [
        "env",
        f"--chdir={path.parents[2]}",
        str(path),
        f"--config.file={folder}/alertmanager.yml",
        f"--storage.path={folder}/alerts",
        f"--web.listen-address={HOST}:{port}",
        "--cluster.listen-address=",
    ]
    process = start_bound(command, folder / "alertmanager.log")
    url = f"http://{HOST}:{port}"
    try:
        wait_for(partial(_is_ready, url), "an Alertmanager that is ready")
        yield url
    finally:
        process.terminate()
        process.wait()


def _is_ready(url: str) -> bool:
    try:
        with urlopen(f"{url}/-/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def active_alerts(url: str) -> list[dict[str, Any]]:
    """Return the alerts that are active."""
    with urlopen(f"{url}/api/v2/alerts?active=true", timeout=60) as answer:
        found: list[dict[str, Any]] = json.load(answer)
        return found
