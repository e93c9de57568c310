"""A real Redis on loopback, from a Debian package."""

from __future__ import annotations

import socket
import subprocess
import tempfile
from pathlib import Path

from tests.support.bound_process import start_bound
from tests.support.debian_programs import program, with_libraries
from tests.support.kafka_settings import HOST, free_port
from tests.support.prometheus_servers import wait_for

PASSWORD = "redis-of-the-tests"


class RedisServer:
    """A server of its own, to kill and start again.

    Attributes:
        url: of its database 0, without the password.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="pynomaly-redis-")
        self._port = free_port()
        self.url = f"redis://{HOST}:{self._port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> RedisServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._folder.cleanup()

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        command = [*with_libraries(program("redis-server")), "--bind", HOST]
        more = ["--port", str(self._port), "--save", "", "--requirepass", PASSWORD]
        place = ["--dir", self._folder.name]
        log = Path(self._folder.name) / "log"
        self._process = start_bound([*command, *more, *place], log)
        wait_for(self._answers, "Redis")

    def kill(self) -> None:
        """Kill it, as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self._port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(100) != b""
        except OSError:
            return False
