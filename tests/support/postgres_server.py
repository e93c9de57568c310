"""A real PostgreSQL on loopback, run by a user that is not root."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from tests.support.bound_process import start_bound
from tests.support.kafka_settings import HOST, free_port
from tests.support.postgres_programs import programs
from tests.support.prometheus_servers import wait_for

PASSWORD = "correct-horse-battery"


def _as_other() -> list[str]:
    """Return what to put before a command that refuses root."""
    return ["setpriv", "--reuid=nobody", "--clear-groups"] if os.geteuid() == 0 else []


def _with_children(pid: int) -> list[int]:
    """Return a process and its children, by what the kernel says of them."""
    found = [pid]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name, in parentheses, may hold anything.
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found.append(int(stat.parent.name))
    return found


class PostgresServer:
    """A cluster of its own, to stop and kill at will.

    Args:
        primary: that it is a streaming replica of; it is restarted for the copy.

    Attributes:
        url: of its database, without the password.
        address: host and port.
    """

    def __init__(self, primary: PostgresServer | None = None) -> None:
        # Its user has no way into folders that pytest makes.
        self._folder = Path(tempfile.mkdtemp(prefix="pynomaly-postgres-", dir="/tmp"))
        self._folder.chmod(0o755)
        self._bin = programs(self._folder / "programs")
        self._port = free_port()
        self.url = f"postgresql://tester@{HOST}:{self._port}/postgres?sslmode=disable"
        self.address = f"{HOST}:{self._port}"
        self._log = self._folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            shutil.chown(self._folder, "nobody")
        if primary is None:
            self._initialize()
        else:
            self._copy(primary)

    @property
    def can_stream(self) -> bool:
        """Whether this build can be a replica; small ones leave that part out."""
        return any(self._bin.parent.rglob("libpqwalreceiver*"))

    def program(self, name: str) -> str | None:
        """Return a program of this build; None where it was left out."""
        path = self._bin / name
        return str(path) if path.exists() else None

    def _copy(self, primary: PostgresServer) -> None:
        """Copy a primary that is stopped for it, and follow it from there."""
        primary.stop()
        data = self._folder / "data"
        copied = ["cp", "-a", str(primary._folder / "data"), str(data)]
        subprocess.run([*_as_other(), *copied], check=True, timeout=60)
        primary.start()
        more = [
            "sh",
            "-c",
            'cat >> "$0/postgresql.auto.conf"; touch "$0/standby.signal"',
            str(data),
        ]
        where = f"host={HOST} port={primary._port} user=tester password={PASSWORD}"
        line = f"primary_conninfo = '{where}'\n"
        subprocess.run([*_as_other(), *more], input=line, text=True, check=True, timeout=60)

    def _initialize(self) -> None:
        password = self._folder / "password"
        password.write_text(PASSWORD)
        if os.geteuid() == 0:
            shutil.chown(password, "nobody")
        initdb = [str(self._bin / "initdb"), "--auth=scram-sha-256", "--username=tester"]
        more = [f"--pwfile={password}", "--no-sync", "--encoding=UTF8", "--locale=C"]
        done = subprocess.run(
            [*_as_other(), *initdb, *more, "-D", str(self._folder / "data")],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd="/",
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def __enter__(self) -> PostgresServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [str(self._bin / "postgres"), "-D", str(self._folder / "data")]
        more = ["-h", HOST, "-p", str(self._port), "-k", str(self._folder)]
        # What a killed server leaves in memory is found again; nothing else uses this folder.
        self._process = start_bound([*_as_other(), *command, *more], self._log)
        wait_for(self._answers, "PostgreSQL")

    def stop(self) -> None:
        """Stop it in order, without waiting for its clients."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait(120)
        self._process = None

    def kill(self) -> None:
        """Kill it as a crash does: open transactions are lost, and connections break."""
        if self._process is not None:
            pid = self._folder / "data" / "postmaster.pid"
            # SIGQUIT is its immediate shutdown: SIGKILL would leave its children behind.
            self._process.send_signal(3)
            self._process.wait(30)
            pid.unlink(missing_ok=True)
            self._process = None

    def promote(self) -> None:
        """Make a primary of a replica."""
        self.query("SELECT pg_promote()")

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop all its processes, as SIGSTOP and a lost machine do: the kernel still answers."""
        assert self._process is not None
        own = _with_children(self._process.pid)
        for pid in own:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in own:
                os.kill(pid, signal.SIGCONT)

    def connect(self) -> psycopg.Connection:
        """Return a connection."""
        return psycopg.connect(self.url, password=PASSWORD, connect_timeout=5, autocommit=True)

    def query(self, text: str) -> list[tuple[object, ...]]:
        """Return the rows of a query."""
        with self.connect() as connection:
            return list(connection.execute(text.encode()))

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True
