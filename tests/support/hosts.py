"""Hosts: network namespaces with a broker in the middle, on one machine and private to the test.

The process that calls `enter_own_network` is where the broker runs; each host has a link to it, an
address of its own, and a relay on the way to the broker, a small disk in memory that only its
processes see, and a wall clock. All of it is gone when the process is.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support.bound_process import start_bound
from tests.support.kafka_settings import HOST
from tests.support.wall_clock import WallClock

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
RELAY_PORT, INNER_PORT = 9_092, 19_000
"""Where clients of a host connect, and where the broker listens behind that; plus the number."""
PATIENCE = 120.0
DISK_BYTES = 64 * 2**20
CHUNK = bytes(2**16)


def why_not() -> str:
    """Return what is missing to make hosts; "" where nothing is."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if os.geteuid() != 0:
        return "network namespaces of its own are for root"
    needed = ("ip", "mount", "nsenter", "unshare")
    missing = [name for name in needed if shutil.which(name) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


def enter_own_network() -> None:
    """Move this process to a network of its own; before it has any thread but the first.

    Raises:
        OSError: the kernel does not let us.
    """
    _change_namespace("unshare", CLONE_NEWNET)
    _ip("link", "set", "lo", "up")


def enter_host(pid: int) -> None:
    """Move this process to the network and the disk of a host; before it has a second thread.

    Args:
        pid: of a process on the host.

    Raises:
        OSError: the kernel does not let us.
    """
    for name, kind in (("net", CLONE_NEWNET), ("mnt", CLONE_NEWNS)):
        with Path(f"/proc/{pid}/ns/{name}").open("rb") as opened:
            _change_namespace("setns", opened.fileno(), kind)


class Host:
    """A machine: namespaces, its link to the broker, a relay on the way, a disk and a clock.

    Attributes:
        number: of the host, from 1.
        broker: address of the broker for clients on the host.
        disk: the folder, to its processes, that its disk is mounted at.
        clock: its wall clock; that of programs which are started with its `environ`.
    """

    def __init__(self, number: int, folder: Path) -> None:
        """Make it.

        Args:
            number: of the host, from 1.
            folder: takes the log of the relay, and is where hosts have their disks.
        """
        self.number = number
        self._log = folder / f"host-{number}.log"
        self._near, self._far = f"10.231.{number}.1", f"10.231.{number}.2"
        self._link = f"host{number}"
        self.broker = f"{self._near}:{RELAY_PORT}"
        self.disk = folder / "disk"
        self.disk.mkdir(exist_ok=True)
        self.clock = WallClock(folder, f"host-{number}")
        spaces = ["unshare", "--net", "--mount", "sleep", "infinity"]
        self._holder = start_bound(spaces, self._log)
        self._wait_for_namespaces()
        size = f"size={DISK_BYTES},mode=755"
        self._inside("mount", "-t", "tmpfs", "-o", size, "none", str(self.disk))
        link, there = ("link", "add", self._link, "type", "veth"), ("netns", str(self.pid))
        _ip(*link, "peer", "name", "eth0", *there)
        _ip("address", "add", f"{self._near}/24", "dev", self._link)
        _ip("link", "set", self._link, "up")
        self._inside("ip", "link", "set", "lo", "up")
        self._inside("ip", "address", "add", f"{self._far}/24", "dev", "eth0")
        self._inside("ip", "link", "set", "eth0", "up")
        self._relay: subprocess.Popen[bytes] | None = None

    @property
    def listener(self) -> tuple[str, str]:
        """Where the broker is to listen for this host, and where it says that it does."""
        return f"{HOST}:{INNER_PORT + self.number}", self.broker

    @property
    def seen_disk(self) -> Path:
        """Its disk, for processes that are not on the host; while there is the host."""
        return Path(f"/proc/{self.pid}/root{self.disk}")

    @property
    def pid(self) -> int:
        """A process on it, for `enter_host`."""
        return self._holder.pid

    def command(self, command: Sequence[str]) -> list[str]:
        """Return the command that runs another one on the host."""
        return ["nsenter", "--target", str(self.pid), "--net", "--mount", "--", *command]

    def fill(self) -> None:
        """Fill its disk to the last byte."""
        with (self.seen_disk / "filler").open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(CHUNK)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def free(self) -> None:
        """Free what `fill` has taken."""
        (self.seen_disk / "filler").unlink(missing_ok=True)

    def connect(self, delay: float = 0.0) -> None:
        """Let bytes pass to the broker and back, each so many seconds late."""
        self.cut()
        command = [sys.executable, "-m", "tests.support.relay", str(RELAY_PORT)]
        where = [str(INNER_PORT + self.number), self._near, str(delay)]
        self._relay = start_bound([*command, *where], self._log)

    def cut(self) -> None:
        """End all connections with the broker and refuse new ones."""
        if self._relay is not None:
            self._relay.kill()
            self._relay.wait()
            self._relay = None

    def hold(self) -> None:
        """Let nothing pass; connections stay."""
        if self._relay is not None:
            self._relay.send_signal(signal.SIGSTOP)

    def let_go(self) -> None:
        """Let pass what was held."""
        if self._relay is not None:
            self._relay.send_signal(signal.SIGCONT)

    def unplug(self) -> None:
        """Take the link down: nothing passes, and no connection is closed."""
        _ip("link", "set", self._link, "down")

    def plug(self) -> None:
        """Bring the link up again."""
        _ip("link", "set", self._link, "up")

    def lose_answers(self) -> None:
        """Lose all that is sent to the host; what the host sends arrives."""
        _ip("route", "add", "blackhole", f"{self._far}/32")

    def find_answers(self) -> None:
        """End what `lose_answers` began."""
        _ip("route", "del", "blackhole", f"{self._far}/32")

    def close(self) -> None:
        """Take the host away."""
        self.cut()
        self._holder.kill()
        self._holder.wait()

    def _inside(self, *command: str) -> None:
        subprocess.run(self.command(command), check=True, capture_output=True)

    def _wait_for_namespaces(self) -> None:
        until = time.monotonic() + PATIENCE
        while any(self._shares(name) for name in ("net", "mnt")):
            assert time.monotonic() < until, self._log.read_text()
            time.sleep(0.02)

    def _shares(self, name: str) -> bool:
        ours = Path(f"/proc/self/ns/{name}").readlink()
        return Path(f"/proc/{self.pid}/ns/{name}").readlink() == ours


def broker_settings(hosts: Sequence[Host], port: int, controller: int) -> dict[str, str]:
    """Return the settings of a broker that listens for the hosts as well.

    Args:
        hosts: that it is to be reached from.
        port: where clients beside it connect.
        controller: port of its controller.
    """
    inner = [f"HOST{host.number}://{host.listener[0]}" for host in hosts]
    others = [f"HOST{host.number}://{host.listener[1]}" for host in hosts]
    protocols = [f"HOST{host.number}:PLAINTEXT" for host in hosts]
    own = f"PLAINTEXT://{HOST}:{port}"
    return {
        "listeners": ",".join([own, *inner, f"CONTROLLER://{HOST}:{controller}"]),
        "advertised.listeners": ",".join([own, *others]),
        "controller.quorum.voters": f"1@{HOST}:{controller}",
        "listener.security.protocol.map": ",".join(
            ["PLAINTEXT:PLAINTEXT", "CONTROLLER:PLAINTEXT", *protocols]
        ),
    }


def _change_namespace(call: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, call)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
