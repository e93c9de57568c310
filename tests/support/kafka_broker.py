"""A real Apache Kafka broker on this machine, without a container.

As a program: `python -m tests.support.kafka_broker --port 9092 --topic events:4`.
"""

import argparse
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType

from confluent_kafka import KafkaException

from tests.support.bound_process import start_bound
from tests.support.kafka_cluster import KafkaCluster
from tests.support.kafka_jars import KafkaUnavailableError
from tests.support.kafka_jvm import (
    LIGHT_COMPILATION,
    class_archive,
    java_command,
    short_lived,
)
from tests.support.kafka_settings import HOST, free_port, is_free, server_properties
from tests.support.kafka_storage import format_storage, new_id
from tests.support.kafka_tools import write_tools
from tests.support.relay import Relay

BATCH_PREFIX = 12
"""Bytes of a batch in a log before what its length counts: its first offset, and the length."""


class KafkaBroker(KafkaCluster):
    """One Kafka node, broker and controller, bound to loopback and to the process that starts it.

    A context manager: entering starts it, leaving stops it and deletes its data. In between
    `stop` or `kill`, then `start`, bring it back at the same address with the same data.

    `port` is where clients connect (default: a free one), `settings` go over the defaults of
    server.properties, `start_seconds` is how long a start may take; `relayed` gives it a second
    way in, `relay`. A broker that benchmarks measure against is `optimized`: it starts slower, and
    compiles its code as a broker in production does.
    """

    def __init__(
        self,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        start_seconds: float = 120.0,
        *,
        relayed: bool = False,
        optimized: bool = False,
    ) -> None:
        self.port = free_port() if port is None else port
        super().__init__(f"{HOST}:{self.port}")
        self._settings = dict(settings or {})
        self._start_seconds = start_seconds
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._own_id = new_id()
        self._relayed = relayed
        self._optimized = optimized
        self._archive_to: Path | None = None
        self._relay: Relay | None = None

    def __enter__(self) -> "KafkaBroker":
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The broker's process id, None while it is not running."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def relay(self) -> Relay:
        """The second way in."""
        assert self._relay is not None, "it was not asked for"
        return self._relay

    def start(self) -> None:
        """Start the broker and return when it answers; does nothing when it is running.

        Raises KafkaUnavailableError when Java or Maven is missing, a port is taken, or the broker
        ends or does not answer in time; the message has the end of its log.
        """
        if self.pid is not None:
            return
        if not is_free(self.port):
            raise KafkaUnavailableError(f"{self.bootstrap} is in use by another process")
        if self._folder is None:
            self._folder = self._format_storage()
        main = ["kafka.Kafka", str(self._folder / "server.properties")]
        command = java_command(main, self._jvm_options())
        self._process = start_bound(command, self._folder / "server.log")
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.kill()
            raise
        if self._relay is not None:
            self._relay.open()

    def wait(self) -> None:
        """Return when the broker's process ends, by itself or stopped from elsewhere."""
        if self._process is not None:
            self._process.wait()

    def stop(self, timeout: float = 30.0) -> None:
        """Stop the broker in order, and by SIGKILL when that takes over `timeout` seconds."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End the broker as a crash would: SIGKILL, at once."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None

    def lose_messages(self, topic: str, first: int, partition: int = 0) -> None:
        """Cut a killed broker's log at an offset, as a power failure does with unsynced messages.

        They are written in batches: the one that has this offset must begin with it.
        """
        assert self.pid is None, "it is still running"
        assert self._folder is not None, "it was never started"
        (log,) = (self._folder / "data" / f"{topic}-{partition}").glob("*.log")
        content, at = log.read_bytes(), 0
        while at < len(content):
            begin, size = struct.unpack_from(">qi", content, at)
            if begin == first:
                break
            # A batch of length zero lies in what was allocated and not written.
            assert size, f"no batch begins with offset {first}"
            at += BATCH_PREFIX + size
        log.write_bytes(content[:at])

    def close(self) -> None:
        """End the broker and delete its data: there is nothing to end in order."""
        self.kill()
        if self._relay is not None:
            self._relay.cut()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def log_tail(self, lines: int = 40) -> str:
        """Return the last `lines` lines of the broker's log, empty before the first start."""
        log = self._folder / "server.log" if self._folder is not None else None
        if log is None or not log.exists():
            return ""
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])

    def _jvm_options(self) -> list[str]:
        if self._optimized:
            return []
        if self._archive_to is not None:
            return [LIGHT_COMPILATION, f"-XX:ArchiveClassesAtExit={self._archive_to}"]
        return _with_archive()

    def _format_storage(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="pynomaly-kafka-"))
        properties = folder / "server.properties"
        controller_port = free_port(other_than=self.port)
        data = folder / "data"
        settings = self._settings
        if self._relayed:
            self._relay = Relay(self.port, folder / "relay.log")
            settings = {**self._relay.settings(controller_port), **settings}
        properties.write_text(server_properties(self.port, controller_port, data, settings))
        try:
            format_storage(data, properties, self._own_id)
        except KafkaUnavailableError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + self._start_seconds
        while not self._answers():
            if self.pid is None:
                raise KafkaUnavailableError(f"Kafka ended while starting:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise KafkaUnavailableError(
                    f"no answer from Kafka in {self._start_seconds:g} s:\n{self.log_tail()}"
                )
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            # A bare connection first: librdkafka logs each one that is refused.
            socket.create_connection((HOST, self.port), timeout=1.0).close()
            answering = self.cluster_id(timeout=2.0)
        except (OSError, KafkaException):
            return False
        # Another broker may have taken the port: the id shows that it is ours.
        return answering == self._own_id


def _with_archive() -> list[str]:
    """Return the options of a broker that lives for seconds; the first of all makes the archive."""
    if not class_archive().exists():
        _make(class_archive())
    return short_lived()


def _make(archive: Path) -> None:
    """Make the archive of classes, out of those that a broker loads; under its name when whole."""
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=archive.parent) as folder:
        partial = Path(folder) / archive.name
        broker = KafkaBroker()
        broker._archive_to = partial
        with broker:
            broker.create_topic("archive")
            # It writes the archive when it ends in order.
            broker.stop()
        if partial.exists():
            partial.replace(archive)


def _topic(argument: str) -> tuple[str, int]:
    name, _, partitions = argument.partition(":")
    return name, int(partitions or "1")


def _exit_in_order(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.kafka_broker",
        description="Run a throw-away Kafka broker on loopback; its data are deleted at the end.",
    )
    parser.add_argument("--port", type=int, help="where clients connect (default: a free port)")
    parser.add_argument(
        "--topic",
        type=_topic,
        action="append",
        default=[],
        metavar="NAME[:PARTITIONS]",
        help="a topic to create, 1 partition by default; may be repeated",
    )
    parser.add_argument(
        "--tools",
        type=Path,
        metavar="FOLDER",
        help="where to put Kafka's command-line tools, such as kafka-console-consumer.sh",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a broker until Ctrl-C or SIGTERM; returns the exit status (1: it cannot be had)."""
    arguments = _arguments(argv)
    signal.signal(signal.SIGTERM, _exit_in_order)
    try:
        with KafkaBroker(port=arguments.port) as broker:
            for name, partitions in arguments.topic:
                broker.create_topic(name, partitions)
            if arguments.tools is not None:
                write_tools(arguments.tools)
            print(f"Kafka answers at {broker.bootstrap}", flush=True)
            if arguments.topic:
                print(f"Topics: {', '.join(name for name, _ in arguments.topic)}", flush=True)
            print(f"Stop it with Ctrl-C, or: kill {os.getpid()}", flush=True)
            broker.wait()
            raise KafkaUnavailableError(f"Kafka ended by itself:\n{broker.log_tail()}")
    except KeyboardInterrupt:
        return 0
    except (KafkaUnavailableError, KafkaException) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
