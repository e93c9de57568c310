"""The server.properties of a one-node Kafka made for tests, and the ports it listens on."""

import itertools
import os
import random
import socket
from collections.abc import Mapping
from pathlib import Path

HOST = "127.0.0.1"

_PORTS_OF_A_WORKER = 1_000
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10
# Below the range systems pick client ports from: there a client that keeps reconnecting to a
# broker that is down can be given the broker's own port, and so connect to itself. Each test
# process has its own, since a port that was free is listened on only seconds later.
_FIRST_PORT = 20_000 + _WORKER * _PORTS_OF_A_WORKER
_PORTS = range(_FIRST_PORT, _FIRST_PORT + _PORTS_OF_A_WORKER)
# For the same reason none is given twice before all others.
_NEXT_PORTS = itertools.cycle(random.SystemRandom().sample(_PORTS, len(_PORTS)))

# Kept apart from what a topology needs: each line departs from Kafka's default for a reason.
_SETTINGS = {
    "auto.create.topics.enable": "false",
    # 80 MiB, and requests above that, for tests of messages of 64 MB.
    "message.max.bytes": str(80 * 2**20),
    "socket.request.max.bytes": str(100 * 2**20),
    # One node can hold one copy, and few partitions open faster.
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    # Groups and transactions that tests abandon are cleared at once, not in tens of seconds.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    # A broker that was killed may register again only when its old session has run out.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # Messages with timestamps of long ago stay: tests replay old data.
    "log.retention.ms": "-1",
    "num.network.threads": "2",
    "num.io.threads": "4",
}


def free_port(other_than: int | None = None, together: int = 1) -> int:
    """Return the first of loopback TCP ports in a row that nothing listens on now.

    Args:
        other_than: a port that is taken, though nothing listens on it yet.
        together: how many ports in a row have to be free.

    Raises:
        OSError: none was found.
    """
    for port in itertools.islice(_NEXT_PORTS, 100):
        row = range(port, port + together)
        if other_than not in row and all(map(is_free, row)):
            return port
    raise OSError(f"no free port on {HOST} among 100 of {_PORTS.start}-{_PORTS.stop - 1}")


def is_free(port: int) -> bool:
    """Return whether a server could listen on loopback TCP `port` now."""
    with socket.socket() as probe:
        # As servers do: connections of a broker just killed, still in TIME_WAIT, do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def server_properties(
    port: int, controller_port: int, data: Path, overrides: Mapping[str, str]
) -> str:
    """Return the text of server.properties: one broker and controller on loopback.

    Clients connect to `port`, records are kept under `data`, `overrides` win over all else.
    """
    topology = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(data),
    }
    settings = {**topology, **_SETTINGS, **overrides}
    return "".join(f"{name}={value}\n" for name, value in settings.items())
