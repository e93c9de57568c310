"""A second way to a broker, which can be cut or held up while the first one stays as it is.

Also the program that does it: `python -m tests.support.relay PORT INNER [ADDRESS [DELAY]]`, where
DELAY is by how many seconds each piece comes late.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support.bound_process import start_bound
from tests.support.kafka_settings import HOST, free_port, is_free

CHUNK = 2**18


class Relay:
    """The relay of a broker, whose `settings` make it listen for what comes this way.

    Args:
        broker_port: the port that connections are relayed to.
        log: a file.
    """

    def __init__(self, broker_port: int, log: Path) -> None:
        self._broker, self._log = broker_port, log
        self._port, self._inner = free_port(broker_port), free_port(broker_port)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Bootstrap server of clients that come this way."""
        return f"{HOST}:{self._port}"

    def settings(self, controller_port: int) -> dict[str, str]:
        """Return what the broker's server.properties needs."""
        return {
            "listeners": (
                f"PLAINTEXT://{HOST}:{self._broker},RELAYED://{HOST}:{self._inner},"
                f"CONTROLLER://{HOST}:{controller_port}"
            ),
            "advertised.listeners": (
                f"PLAINTEXT://{HOST}:{self._broker},RELAYED://{HOST}:{self._port}"
            ),
            "listener.security.protocol.map": (
                "PLAINTEXT:PLAINTEXT,RELAYED:PLAINTEXT,CONTROLLER:PLAINTEXT"
            ),
        }

    def open(self) -> None:
        """Let bytes pass; does nothing when they do."""
        if self._process is None:
            ports = [str(self._port), str(self._inner)]
            command = [sys.executable, "-m", "tests.support.relay", *ports]
            self._process = start_bound(command, self._log)
            until = time.monotonic() + 120
            while is_free(self._port):
                assert time.monotonic() < until, self._log.read_text()
                time.sleep(0.02)
        self._process.send_signal(signal.SIGCONT)

    def hold(self) -> None:
        """Let nothing pass; connections stay, and who uses them waits."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def cut(self) -> None:
        """End all connections and refuse new ones."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


async def _relay(port: int, target: int, address: str = HOST, delay: float = 0.0) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            there = await asyncio.open_connection(HOST, target, limit=CHUNK)
            await asyncio.gather(_pass(reader, there[1], delay), _pass(there[0], writer, delay))
        writer.close()

    server = await asyncio.start_server(connected, address, port, limit=CHUNK)
    await server.serve_forever()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    try:
        while data := await reader.read(CHUNK):
            if delay:
                await asyncio.sleep(delay)
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


if __name__ == "__main__":
    address, delay = (*sys.argv[3:], *[HOST, "0"][len(sys.argv[3:]) :])
    asyncio.run(_relay(int(sys.argv[1]), int(sys.argv[2]), address, float(delay)))
