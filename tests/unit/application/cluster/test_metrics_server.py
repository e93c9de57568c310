"""The page on a real port, read by real HTTP and TLS clients."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter

from engine.application.cluster import metrics_server
from engine.application.cluster.health import Health
from engine.application.cluster.metrics_server import (
    MOST_CONNECTIONS,
    MetricsServer,
    check_ports,
    serve,
)
from engine.application.config.sections import MetricsSpec
from engine.application.config.substitution import FromOutside
from engine.application.ports import RunContext
from engine.application.telemetry.redaction import Redactor
from engine.domain.errors import PynomalyError
from tests.support.kafka_settings import free_port

AUTH = {"user": "prometheus", "password": FromOutside("hü:sh")}
WAIT = 120

Start = Callable[..., MetricsServer]


@pytest.fixture
def start() -> Iterator[Start]:
    servers: list[MetricsServer] = []
    context = RunContext("p")
    context.outages["source"] = "no broker answers"

    def start(process: int = 0, **fields: Any) -> MetricsServer:
        registry = CollectorRegistry()
        Counter("things", "Things.", registry=registry).inc(3)
        port = free_port()
        spec = MetricsSpec.model_validate({"port": port - process, **fields})
        servers.append(serve(spec, process, registry, Health(context), Redactor()))
        assert servers[-1].server_port == port
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Certificates made on the spot: `certificate` and `key` fit, `other` and `locked` do not."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("pem")
    found = {name: folder / f"{name}.pem" for name in ("certificate", "key", "other", "locked")}
    make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    make += ["-addext", "subjectAltName=IP:127.0.0.1,IP:::1"]
    openssl(*make, "-keyout", found["key"], "-out", found["certificate"])
    openssl("genrsa", "-out", found["other"], "2048")
    lock = ["rsa", "-aes128", "-passout", "pass:hush", "-in", found["key"]]
    openssl(*lock, "-out", found["locked"])
    return found


def openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def ask(
    server: MetricsServer,
    path: str = "/metrics",
    method: str = "GET",
    authorization: str | None = None,
    trusted: Path | None = None,
) -> tuple[int, str, str | None]:
    """Return status, body, and the WWW-Authenticate header."""
    host, port = str(server.server_address[0]), server.server_port
    client = HTTPConnection(host, port, timeout=WAIT)
    if trusted is not None:
        context = ssl.create_default_context(cafile=str(trusted))
        client = HTTPSConnection(host, port, timeout=WAIT, context=context)
    headers = {} if authorization is None else {"Authorization": authorization}
    client.request(method, path, headers=headers)
    answer = client.getresponse()
    text = answer.read().decode()
    client.close()
    return answer.status, text, answer.headers["WWW-Authenticate"]


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_the_metrics_and_nothing_else_are_served(start: Start) -> None:
    server = start(process=2)
    status, text, _ = ask(server)

    assert status == 200
    assert "things_total 3.0" in text
    assert ask(server, "/metrics?name[]=none")[0] == 200
    for path in ("/", "/metrics/", "/metricss", "/favicon.ico", "/../metrics"):
        assert ask(server, path)[:2] == (404, "404 Not Found\n")
    assert ask(server, method="POST")[0] == 405


def test_health_is_served_without_a_password(start: Start) -> None:
    server = start(basic_auth=AUTH)
    status, text, _ = ask(server, "/health/ready")

    assert status == 503
    assert json.loads(text) == {"status": "fail", "output": "starting; source: no broker answers"}
    status, text, _ = ask(server, "/health/live")
    assert (status, json.loads(text)) == (200, {"status": "pass", "output": ""})
    assert ask(server, "/health/startup")[0] == 503
    assert ask(server, "/health")[0] == 401


def test_user_and_password_open_the_page(start: Start) -> None:
    server = start(basic_auth=AUTH)
    right = basic("prometheus:hü:sh")

    assert "things_total 3.0" in ask(server, authorization=right)[1]
    assert ask(server, authorization=right.replace("Basic ", "bAsIc   "))[0] == 200
    assert ask(server, "/", authorization=right)[0] == 404


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Basic %%%",
        basic("prometheus:hü:sh") + "!",
        basic("prometheus:hü:s"),
        basic("prometheus:hü:sh "),
        basic("prometheus"),
        basic("Prometheus:hü:sh"),
        basic(":"),
        basic("prometheus:hü:sh").replace("Basic", "Bearer"),
        "Basic prometheus:hush",
        "Basic \xff\xfe",
    ],
)
@pytest.mark.parametrize("path", ["/metrics", "/", "/nothing"])
def test_all_else_is_refused_with_how_to_ask(start: Start, given: str | None, path: str) -> None:
    status, text, challenge = ask(start(basic_auth=AUTH), path, authorization=given)

    assert (status, text) == (401, "401 Unauthorized\n")
    assert challenge == 'Basic realm="pynomaly metrics", charset="UTF-8"'


def test_tls_and_a_password_together(start: Start, pem: dict[str, Path]) -> None:
    server = start(
        tls={"certificate": pem["certificate"], "key": pem["key"]}, basic_auth=AUTH, host="::1"
    )
    trusted = pem["certificate"]

    assert ask(server, trusted=trusted)[0] == 401
    status, text, _ = ask(server, authorization=basic("prometheus:hü:sh"), trusted=trusted)
    assert status == 200
    assert "things_total 3.0" in text


def test_a_client_that_never_begins_its_handshake_keeps_none_waiting(
    start: Start, pem: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    server = start(tls={"certificate": pem["certificate"], "key": pem["key"]})
    address = ("127.0.0.1", server.server_port)
    with socket.create_connection(address), socket.create_connection(address) as plain:
        plain.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        plain.settimeout(WAIT)
        assert b"things" not in plain.recv(10_000)
        assert ask(server, trusted=pem["certificate"])[0] == 200

    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("certificate", "key", "field", "message"),
    [
        ("none", "key", "certificate", "No such file"),
        ("certificate", "none", "key", "No such file"),
        ("folder", "key", "certificate", "Is a directory"),
        ("key", "key", "certificate", "it holds no certificate in PEM form"),
        ("empty", "key", "certificate", "it holds no certificate in PEM form"),
        ("certificate", "certificate", "key", "it holds no private key of"),
        ("certificate", "empty", "key", "it holds no private key of"),
        ("certificate", "other", "key", "it holds no private key of"),
        ("certificate", "locked", "key", "without a passphrase"),
    ],
)
def test_a_pem_file_that_cannot_be_used_is_named_with_its_field(
    start: Start,
    pem: dict[str, Path],
    tmp_path: Path,
    certificate: str,
    key: str,
    field: str,
    message: str,
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    files = {
        "certificate": pem.get(certificate, tmp_path / certificate),
        "key": pem.get(key, tmp_path / key),
    }

    with pytest.raises(PynomalyError) as caught:
        start(tls=files)
    assert str(caught.value).startswith(f'metrics.tls.{field}: the file "{files[field]}" cannot')
    assert message in str(caught.value)


def test_a_port_that_is_taken_and_a_host_that_is_not_ours(start: Start) -> None:
    spec = MetricsSpec(port=start().server_port)

    with pytest.raises(PynomalyError, match=r"another pipeline, has that port; set metrics\.port"):
        serve(spec, 0, CollectorRegistry(), Health(RunContext("p")), Redactor())
    for host in ("192.0.2.1", "no.such.host.invalid"):
        with pytest.raises(PynomalyError, match=r"correct metrics\.host"):
            start(host=host)


def test_a_taken_port_of_a_later_process_is_found_before_any_process_starts() -> None:
    first = free_port(together=2)
    other = MetricsServer("127.0.0.1", first + 1)

    with pytest.raises(PynomalyError, match=f"cannot listen on 127.0.0.1:{first + 1} "):
        check_ports(MetricsSpec(port=first), 2)
    other.server_close()


def test_checked_ports_can_be_listened_on_afterwards(start: Start) -> None:
    port = free_port()

    check_ports(MetricsSpec(port=port), 1)

    MetricsServer("127.0.0.1", port).server_close()


def test_silent_connections_do_not_use_up_threads_or_descriptors(start: Start) -> None:
    server = start(basic_auth=AUTH)
    address = ("127.0.0.1", server.server_port)
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(address)) for _ in range(100)]
        for client in clients:
            client.settimeout(WAIT)

        served = [thread for thread in threading.enumerate() if "_serve" in thread.name]
        refused = [client for client in clients[MOST_CONNECTIONS:] if hung_up_on(client)]

        assert len(served) <= MOST_CONNECTIONS
        assert len(refused) == len(clients) - MOST_CONNECTIONS
        # The silent ones are hung up on in the end, and the page is there again.
        assert all(hung_up_on(client) for client in clients[:MOST_CONNECTIONS])
        assert ask(server, authorization=basic("prometheus:hü:sh"))[0] == 200


def hung_up_on(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("secure", [False, True])
def test_a_request_that_drips_is_hung_up_on(
    start: Start, pem: dict[str, Path], secure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_server, "REQUEST_SECONDS", 1.0)
    tls = {"tls": {"certificate": pem["certificate"], "key": pem["key"]}} if secure else {}
    server = start(**tls)
    with socket.create_connection(("127.0.0.1", server.server_port)) as client:
        client.settimeout(0.2)
        # The header of a long TLS record; the first part of a request line.
        client.sendall(b"\x16\x03\x01\x10\x00" if secure else b"GET")

        assert any(has_ended(client) for _ in range(5 * WAIT))


def has_ended(client: socket.socket) -> bool:
    """Send one byte more, and return whether the server has hung up."""
    try:
        client.sendall(b"\x01")
        return client.recv(1) == b""
    except TimeoutError:
        return False
    except (ConnectionResetError, BrokenPipeError):
        return True


def test_the_server_header_shows_no_versions(start: Start) -> None:
    server = start()
    for request in (b"GET /metrics HTTP/1.0\r\n\r\n", b"nonsense\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", server.server_port)) as client:
            client.settimeout(WAIT)
            client.sendall(request)

            headers = client.makefile("rb").read().partition(b"\r\n\r\n")[0].splitlines()

            found = [line for line in headers if line.lower().startswith(b"server:")]
            assert found == [b"Server: pynomaly"] * len(found)
            assert b"python" not in b"".join(headers).lower()
