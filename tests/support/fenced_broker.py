"""A broker that answers as Kafka's do while they start or stop: that there are no brokers."""

from __future__ import annotations

import socket
import struct
from threading import Thread

from tests.support.kafka_settings import HOST

METADATA, COORDINATOR, VERSIONS = 3, 10, 18
UNSUPPORTED, NO_LEADER, NO_COORDINATOR = 35, 5, 15
NOBODY = -1


class FencedBroker:
    """Speaks what a client needs to learn of brokers, and no more.

    Attributes:
        address: where it listens.
        asked: how often it was asked for brokers.
        fenced: whether it names itself no more.
    """

    def __init__(self, topic: str) -> None:
        self._socket = socket.create_server((HOST, 0))
        self._port = self._socket.getsockname()[1]
        self._topic = topic
        self.address = f"{HOST}:{self._port}"
        self.asked = 0
        self.fenced = False
        Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client, client.makefile("rb") as requests:
                while len(size := requests.read(4)) == 4:
                    request = requests.read(int.from_bytes(size, "big"))
                    kind, version, number = struct.unpack(">hhi", request[:8])
                    answer = struct.pack(">i", number) + self._answer(kind, version)
                    client.sendall(struct.pack(">i", len(answer)) + answer)
        except OSError:
            return

    def _answer(self, kind: int, version: int) -> bytes:
        if kind == VERSIONS:
            known = [(VERSIONS, 0, 0), (METADATA, 0, 1), (COORDINATOR, 0, 0)]
            # Requests and answers that every client needs, so that it takes this for a broker.
            known += [(0, 0, 3), (1, 0, 4), (2, 0, 1)]
            listed = b"".join(struct.pack(">hhh", *each) for each in known)
            return struct.pack(">hi", UNSUPPORTED if version else 0, len(known)) + listed
        if kind == METADATA:
            return self._metadata()
        if kind != COORDINATOR:
            raise OSError("hang up")
        return struct.pack(">hi", NO_COORDINATOR, NOBODY) + _text("") + struct.pack(">i", NOBODY)

    def _metadata(self) -> bytes:
        self.asked += 1
        leader = NOBODY if self.fenced else 1
        own = struct.pack(">i", 1) + _text(HOST) + struct.pack(">ih", self._port, NOBODY)
        brokers = struct.pack(">i", 0) if self.fenced else struct.pack(">i", 1) + own
        error = NO_LEADER if self.fenced else 0
        partition = struct.pack(">hii", error, 0, leader) + struct.pack(">iiii", 1, 1, 1, 1)
        topic = struct.pack(">h", 0) + _text(self._topic) + b"\0" + struct.pack(">i", 1) + partition
        return brokers + struct.pack(">ii", leader, 1) + topic


def _text(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()
