"""A real `pynomaly serve` on loopback, to kill and start again, and users of each role for it."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from subprocess import Popen
from typing import Any

from engine.application.control.caller import SYSTEM, Caller
from engine.application.control.manage_tokens import make_token
from engine.application.control.manage_users import add_user
from engine.application.control_ports import Store
from engine.domain.control.role import Role
from tests.support.bound_process import start_bound
from tests.support.kafka_settings import HOST, free_port

PATIENCE = 120.0
PYNOMALY = str(Path(sys.executable).parent / "pynomaly")


class ApiServer:
    """A server on a directory of its own.

    Args:
        folder: for its directory and its log.
        more: arguments of the command.
        before: what the command is run by, such as taskset.

    Attributes:
        directory: where it keeps its SQLite.
        log: what it has written.
    """

    def __init__(self, folder: Path, *more: str, before: Sequence[str] = ()) -> None:
        self.directory = folder / "server"
        folder.mkdir(exist_ok=True)
        self.log = folder / "server.log"
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        place = ["--directory", str(self.directory), "--port", str(self.port)]
        self._command = [*before, PYNOMALY, "serve", *place, *more]
        self._process: Popen[bytes] | None = None

    def __enter__(self) -> ApiServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        process = self._process = start_bound(self._command, self.log)
        until = time.monotonic() + PATIENCE
        while not self._answers():
            assert process.poll() is None, self.log.read_text()[-3_000:]
            assert time.monotonic() < until, self.log.read_text()[-3_000:]
            time.sleep(0.05)

    @property
    def pid(self) -> int:
        """Id of its process."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """Kill it, as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        assert self._process is not None
        self._process.terminate()
        code = self._process.wait(PATIENCE)
        self._process = None
        return code

    def _answers(self) -> bool:
        # httpx would load certificates at each look, which takes longer than the look.
        connection = HTTPConnection(HOST, self.port, timeout=10)
        with closing(connection):
            try:
                connection.request("GET", "/readyz")
                return connection.getresponse().status == 200
            except (HTTPException, OSError):
                return False


def users_of_each_role(store: Store, now: int, **more: Any) -> dict[Role, str]:
    """Add a user of each role, called "the-viewer" and so on; return a token of each."""
    made = {}
    with store.writing() as work:
        for role in Role:
            add_user(work, SYSTEM, now, f"the-{role}", role, None, str, **more)
            made[role] = token_of(work, role, now)
    return made


def token_of(work: Any, role: Role, now: int) -> str:
    """Make a token of the user of a role."""
    return make_token(work, Caller(f"the-{role}", role, "test"), now, "test", None, 1).secret
