"""`python -m tests.hostile --requests 100000`: exit code 0 if nothing failed and nothing leaked."""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from engine.application.control.caller import SYSTEM, Caller
from engine.application.control.ingest import ingest
from engine.application.control.manage_tokens import make_token, revoke_token
from engine.application.control.manage_users import UserChange, add_user, change_user
from engine.application.control.read_audit import verify_audit
from engine.application.control_ports import Store
from engine.domain.control.role import Role
from engine.domain.control.token import digest_of, parts_of
from engine.presentation.cli.control_store import open_store
from tests.hostile.mutations import Hostile, drawn
from tests.support.api_server import ApiServer, token_of, users_of_each_role
from tests.support.kafka_settings import HOST
from tests.support.published import anomaly, incident
from tests.unit.presentation.api.test_roles import ENDPOINTS, FILLED

OPEN: dict[tuple[str, str], tuple[None, dict[str, Any]]] = {
    ("post", "/session"): (None, {"json": {"name": "the-admin", "password": "wrong password"}}),
    ("post", "/session/refresh"): (None, {"json": {"refresh_token": f"pyn_{'0' * 16}_{'s' * 43}"}}),
    ("get", "/jwks.json"): (None, {}),
    ("get", "/session/oidc"): (None, {}),
    ("get", "/session/oidc/callback"): (None, {"params": {"code": "a", "state": "b"}}),
}
"""Endpoints that take no token, and a request to each."""
NEVER = (b"Traceback", b"sqlalchemy", b"sqlite3", b"site-packages", b"$argon2", b'.py"')
"""What no reply may hold, whoever asks."""
LAST_MOST = 20
"""Findings that are printed."""
DAY_NS = 86_400 * 10**9


class Credentials:
    """What requests show of themselves: a token of each role, and others that allow nothing.

    Args:
        store: the server's.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        now = time.time_ns()
        self.tokens = users_of_each_role(store, now)
        with store.writing() as work:
            ingest(work, [anomaly(n) for n in range(1, 60)] + [incident(3, 4)])
            for name in ("victim", "gone"):
                add_user(work, SYSTEM, now, name, Role.ADMIN, None, str)
            gone = Caller("gone", Role.ADMIN, "test")
            victim = Caller("victim", Role.ADMIN, "test")
            expired = make_token(work, gone, now - 2 * DAY_NS, "expired", None, 1)
            disabled = make_token(work, gone, now, "disabled", None, 1)
            revoked = make_token(work, victim, now, "revoked", None, 1)
            revoke_token(work, victim, now, revoked.token.id)
            foreign = make_token(work, victim, now, "foreign", None, 1)
            change_user(work, SYSTEM, now, "gone", None, UserChange(disabled=True), str)
        token_id, secret = parts_of(foreign.secret) or ("", "")
        other = parts_of(self.tokens[Role.ADMIN]) or ("", "")
        self.filled = FILLED | {"token_id": token_id, "name": "victim"}
        self.useless = (
            None,
            "Bearer",
            "Bearer pyn_" + "0" * 16 + "_" + "s" * 43,
            f"Bearer {expired.secret}",
            f"Bearer {disabled.secret}",
            f"Bearer {revoked.secret}",
            f"Bearer pyn_{other[0]}_{secret}",
            f"Bearer {self.tokens[Role.ADMIN]}x",
            f"Basic {self.tokens[Role.ADMIN]}",
            "Bearer ' OR 1=1 --",
            "Bearer \xe9",
            self.tokens[Role.ADMIN],
        )
        self.hidden = [one.encode() for one in self.tokens.values()]
        self.hidden += [digest_of(parts_of(one.decode())[1]).encode() for one in self.hidden]  # type: ignore[index]
        self.hidden += [secret.encode(), digest_of(secret).encode()]

    def renew(self, role: Role) -> None:
        """Make a token anew, where the one before was given up."""
        with self._store.writing() as work:
            self.tokens[role] = token_of(work, role, time.time_ns())


class Attack:
    """Sends requests, and notes what is wrong with the replies."""

    def __init__(self, port: int, credentials: Credentials, place: bytes) -> None:
        self._port = port
        self._credentials = credentials
        self._never = (*NEVER, *credentials.hidden, place)
        self._connection = HTTPConnection(HOST, port, timeout=60)
        self.statuses: Counter[int] = Counter()
        self.wrong: list[str] = []

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def attack(self, draw: random.Random) -> None:
        """Send one request."""
        (method, path), (least, more) = draw.choice([*ENDPOINTS.items(), *OPEN.items()])
        made = drawn(draw, method, path, self._credentials.filled, more)
        role = draw.choice((None, *Role))
        shown = draw.choice(self._credentials.useless) if role is None else ""
        shown = f"Bearer {self._credentials.tokens[role]}" if role else shown
        if shown is not None:
            made.headers["Authorization"] = shown
        status, headers, body = self._send(made)
        self.statuses[status] += 1
        for fault in self._faults(made, role, least, status, headers, body):
            self.wrong.append(f"{fault}: {status} for {role} {made} {body[:300]!r}")
        if role and (status, path) == (204, "/session"):
            self._credentials.renew(role)

    def _send(self, made: Hostile) -> tuple[int, str, bytes]:
        try:
            return self._sent(made)
        except (HTTPException, OSError):
            # The reply before may have ended the connection.
            self._connection.close()
        try:
            return self._sent(made)
        except (HTTPException, OSError):
            # A server may hang up on a body that it refuses.
            self._connection.close()
            return 0, "", b""

    def _sent(self, made: Hostile) -> tuple[int, str, bytes]:
        self._connection.putrequest(made.verb, made.target, skip_accept_encoding=True)
        for name, value in made.headers.items():
            self._connection.putheader(name, value.encode("latin-1"))
        if made.body is not None:
            self._connection.putheader("Content-Length", str(len(made.body)))
        self._connection.endheaders(made.body)
        reply = self._connection.getresponse()
        if reply.getheader("Content-Type", "").startswith("text/event-stream"):
            # It would never end.
            reply.close()
            self._connection.close()
            return reply.status, _headers(reply), b""
        return reply.status, _headers(reply), reply.read()

    def _faults(
        self,
        made: Hostile,
        role: Role | None,
        least: Role | None,
        status: int,
        headers: str,
        body: bytes,
    ) -> list[str]:
        done = 200 <= status < 300 and made.verb == made.method.upper()
        faults = []
        if status >= 500:
            faults.append("failed")
        if status == 0 and (made.body is None or len(made.body) <= 2**20):
            faults.append("hung up")
        if least is not None and done and (role is None or not role.includes(least)):
            faults.append("allowed what the role does not")
        if status >= 400 and made.verb != "HEAD" and "application/problem+json" not in headers:
            faults.append("no problem")
        if "x-injected" in headers.lower() or "evil.example" in headers:
            faults.append("injected a header")
        if any(one in body for one in self._never):
            faults.append("leaked")
        return faults


def _headers(reply: HTTPResponse) -> str:
    return "\n".join(f"{name}: {value}" for name, value in reply.getheaders())


def run(requests: int, seed: int, folder: Path) -> tuple[Counter[int], list[str]]:
    """Attack a server of its own; return how often each status came, and what was wrong."""
    server = ApiServer(folder)
    store = open_store(server.directory, None)
    try:
        credentials = Credentials(store)
        with server:
            attack = Attack(server.port, credentials, str(folder).encode())
            draw = random.Random(seed)
            with closing(attack):
                for _ in range(requests):
                    attack.attack(draw)
            if b"ERROR" in (log := server.log.read_bytes()) or b'"error"' in log:
                attack.wrong.append(f"logged an error: {log[-2_000:]!r}")
        with store.reading() as work:
            verify_audit(work, SYSTEM)
    finally:
        store.close()
    return attack.statuses, attack.wrong


def main(arguments: list[str] | None = None) -> int:
    """Attack, print what was found, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    chosen = parser.parse_args(arguments)
    print(f"seed {chosen.seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pynomaly-hostile-") as folder:
        statuses, wrong = run(chosen.requests, chosen.seed, Path(folder))
    for one in wrong[:LAST_MOST]:
        print(one[:1_000])
    report = {
        "requests": sum(statuses.values()),
        "statuses": dict(sorted(statuses.items())),
        "wrong": len(wrong),
        "seconds": round(time.monotonic() - began, 1),
    }
    print(json.dumps(report))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
