"""Pods as the API of Kubernetes lists them, from a small real server that speaks its JSON."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.kubernetes.discovery import KubernetesDiscovery
from engine.application.control.discover import DnsDiscovery, discovered, discovery
from engine.domain.errors import PynomalyError, RetryableError
from pynomaly.plugins import DiscoveredTarget as Target


def pod(address: str, *ports: tuple[str, int], phase: str = "Running", **more: Any) -> Any:
    """Return a pod as `GET /api/v1/namespaces/NAMESPACE/pods` lists it."""
    named = [{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in ports]
    labels = {"app.kubernetes.io/name": "pynomaly", "app.kubernetes.io/instance": "presses"}
    return {
        "metadata": {"name": f"pod-{address}", "namespace": "plant", "labels": labels, **more},
        "spec": {"containers": [{"name": "pynomaly", "image": "pynomaly", "ports": named}]},
        "status": {"phase": phase, "podIP": address},
    }


class Api:
    """Answers with pages of a PodList, to who shows the token."""

    def __init__(self, pages: list[list[Any]]) -> None:
        self.asked: list[dict[str, list[str]]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                query = parse_qs(url.query)
                api.asked.append(query)
                right = self.headers["Authorization"] == "Bearer the-token"
                status = 200 if right and url.path == "/api/v1/namespaces/plant/pods" else 403
                number = int(query.get("continue", ["0"])[0])
                more = str(number + 1) if number + 1 < len(pages) else ""
                listed = {
                    "kind": "PodList",
                    "apiVersion": "v1",
                    "metadata": {"resourceVersion": "1", "continue": more},
                    "items": pages[number],
                }
                body = json.dumps(listed if status == 200 else {"kind": "Status"}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def api() -> Iterator[Api]:
    pages = [
        [
            pod("10.0.0.1", ("metrics-0", 9464), ("metrics-1", 9465)),
            pod("10.0.0.2", ("metrics", 9464), phase="Pending"),
            pod("10.0.0.3", ("metrics", 9464), deletionTimestamp="2026-01-01T00:00:00Z"),
        ],
        [pod("fd00::4", ("http", 8080), ("metrics", 9464))],
    ]
    made = Api(pages)
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture
def account(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("the-token\n")
    return tmp_path


def test_finds_the_metrics_pages_of_pods_that_run_on_all_pages(api: Api, account: Path) -> None:
    found = KubernetesDiscovery("plant", api.url, account).find()

    assert found == [
        Target("10.0.0.1:9464", "presses"),
        Target("10.0.0.1:9465", "presses"),
        Target("[fd00::4]:9464", "presses"),
    ]
    assert api.asked[0]["labelSelector"] == ["app.kubernetes.io/name=pynomaly"]


def test_asks_for_the_labels_that_are_wanted(api: Api, account: Path) -> None:
    KubernetesDiscovery("plant/team=press,stage!=test", api.url, account).find()

    assert api.asked[0]["labelSelector"] == ["team=press,stage!=test"]


def test_a_refusal_hides_nothing_of_other_ways(api: Api, account: Path) -> None:
    (account / "token").write_text("another")
    refused = KubernetesDiscovery("plant", api.url, account)

    with pytest.raises(RetryableError, match="403"):
        refused.find()
    assert discovered([refused, discovery("static:press.example:9464")]) == [
        Target("press.example:9464")
    ]


def test_a_name_stands_for_all_its_addresses() -> None:
    found = DnsDiscovery("localhost:9464").find()

    assert Target("127.0.0.1:9464") in found


def test_a_name_that_is_not_known_is_a_passing_trouble() -> None:
    with pytest.raises(RetryableError, match="cannot be resolved"):
        DnsDiscovery("pynomaly.invalid:9464").find()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("static:press", "expected HOST:PORT"),
        ("dns:press:0", "expected HOST:PORT"),
        ("kubernetes:../secrets", "expected kubernetes:NAMESPACE"),
        ("kubernetes:plant", "this is not a pod of Kubernetes"),
        ("zookeeper:plant", "zookeeper"),
    ],
)
def test_a_way_that_cannot_be_used_is_refused(
    text: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    with pytest.raises(PynomalyError, match=message):
        discovery(text)
