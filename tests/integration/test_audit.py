"""The audit of the locks, by the real pip-audit, against a server that speaks OSV's API."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv" / "audit" / "bin" / "python"
NOWHERE = "http://127.0.0.1:1"
"""Nobody listens there: the second database, that of PyPI, is out of reach in these tests."""
LOCK = "sound==1.0\nfaulty==2.0\n"


def advisory(name: str, version: str) -> dict[str, Any]:
    ranges = {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.1"}]}
    package = {"ecosystem": "PyPI", "name": name}
    affected = [{"package": package, "ranges": [ranges], "versions": [version]}]
    return {"id": "PYSEC-2026-1", "summary": "it is faulty", "affected": affected}


KNOWN = {"faulty": advisory("faulty", "2.0"), "urllib3": advisory("urllib3", "1.24.1")}

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="`make audit` makes the environment of pip-audit"
)


class Advisories(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        known: dict[str, Any] = self.server.known  # type: ignore[attr-defined]
        found = known.get(asked["package"]["name"])
        body = json.dumps({"vulns": [found]} if found else {}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def known() -> dict[str, Any]:
    return dict(KNOWN)


@pytest.fixture
def database(known: dict[str, Any]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Advisories) as server:
        server.known = known  # type: ignore[attr-defined]
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()


def audit(lock: Path, url: str) -> tuple[int, str]:
    done = subprocess.run(
        [PYTHON, ROOT / "deploy" / "container" / "audit.py", lock],
        env=os.environ | {"OSV_URL": url, "HTTPS_PROXY": NOWHERE},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr
    return done.returncode, done.stdout


def test_a_known_vulnerability_fails_the_audit(tmp_path: Path, database: str) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(LOCK)

    code, output = audit(lock, database)

    assert code == 1
    assert f"{lock}: 2 packages, 1 known vulnerabilities (osv)" in output
    assert "faulty 2.0: PYSEC-2026-1, fixed in 2.1" in output


def test_a_sound_lock_passes_the_audit(tmp_path: Path, database: str) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("sound==1.0\n")

    code, output = audit(lock, database)

    assert code == 0
    assert f"{lock}: 1 packages, 0 known vulnerabilities (osv)" in output


def test_a_database_that_nobody_serves_is_reported(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(LOCK)

    code, output = audit(lock, f"{NOWHERE}/v1/query")

    assert code == 0
    assert output.startswith("NOT AUDITED: no advisory database is reachable")
    assert "osv: " in output
    assert "pypi: " in output


def test_a_mirror_without_advisories_is_no_database(
    tmp_path: Path, database: str, known: dict[str, Any]
) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(LOCK)
    known.clear()

    code, output = audit(lock, database)

    assert code == 0
    assert output.startswith("NOT AUDITED")
    assert "osv: it knows no advisory of urllib3==1.24.1" in output


def test_an_audit_that_breaks_off_fails(
    tmp_path: Path, database: str, known: dict[str, Any]
) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(LOCK)
    known["faulty"] = "no advisory at all"

    code, output = audit(lock, database)

    assert code == 1
    assert f"{lock}: the audit broke off" in output
