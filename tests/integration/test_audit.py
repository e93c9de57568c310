"""The audit of the locks, by the real pip-audit, against a server that speaks OSV's API."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv" / "audit" / "bin" / "python"
LOCK = "sound==1.0\nfaulty==2.0\n"
ADVISORY = {
    "id": "PYSEC-2026-1",
    "summary": "it is faulty",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "faulty"},
            "ranges": [
                {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.1"}]},
            ],
            "versions": ["2.0"],
        }
    ],
}

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="`make audit` makes the environment of pip-audit"
)


class Advisories(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        is_faulty = asked["package"]["name"] == "faulty"
        body = json.dumps({"vulns": [ADVISORY]} if is_faulty else {}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def database() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Advisories) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()


def audit(lock: Path, url: str) -> tuple[int, str]:
    done = subprocess.run(
        [PYTHON, ROOT / "deploy" / "container" / "audit.py", lock],
        env=os.environ | {"OSV_URL": url},
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
    lock.write_text("pynomaly-not-on-any-index==1.0\n")

    code, output = audit(lock, "http://127.0.0.1:1/v1/query")

    assert code == 0
    assert output.startswith("NOT AUDITED: no advisory database is reachable")
    assert "127.0.0.1" in output
