"""A byte mutator over real messages."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import orjson

SEEDS = [
    b'{"sensor":"s1","ts":1767225600000,"a":21.5,"b":3}',
    b'{"sensor":7,"ts":1767225600000,"a":-0.0,"b":1e-300,"nested":{"x":[1,2,{"y":null}]}}',
    b'{"b":null,"a":1E5,"ts":1.767e12,"sensor":"\\u00fc\\ud83d\\ude00"}',
    '{"sensor":"größe/☃","ts":1767225600000,"a":0.1}'.encode(),
    b'{"sensor":"s3","when":"2026-01-01T00:00:00.5Z","nested":{"x":["p",2,{"y":7.5}]},"a":null}',
    b' {"sensor" : "s2" ,\t"ts":1767225600000, "a":1}\r\n',
]
TOKENS = [
    b"null", b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"true", b"[]", b"{}", b'""',
    b"9" * 400, b"0.1e-400", b"\xff", b"\x00", b"\xed\xa0\x80", b"\\ud800", b"[" * 2_000, b"\n",
    b'{"a":' * 300, b",", b":", b'"', b"\\", b"}", b"]", b"-", b"+1", b"01", b"\xef\xbb\xbf",
]  # fmt: skip


def mutated(seed: int) -> Iterator[bytes | None]:
    """Yield messages without end: real ones, and what becomes of them."""
    draw = random.Random(seed)
    while True:
        message = draw.choice(SEEDS)
        if draw.random() < 0.3:
            document = {
                "sensor": f"s{draw.randrange(50)}",
                "ts": 1_767_225_600_000 + draw.randrange(10**7),
                "a": draw.gauss(0, 1) * 10.0 ** draw.randrange(-300, 300, 50),
                "b": draw.choice([0, None, -5, 2**53 + 1]),
                "when": f"2026-01-01T00:00:{draw.randrange(60):02d}Z",
                "nested": {"x": [draw.randrange(9), None, {"y": draw.gauss(0, 1)}]},
            }
            message = orjson.dumps(document)
        for _ in range(draw.choice([0, 1, 1, 2, 5])):
            message = draw.choice(MUTATORS)(message, draw)
        yield None if draw.random() < 0.002 else message


def _flip(message: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(message) + 1)
    return message[:place] + bytes([draw.randrange(256)]) + message[place + 1 :]


def _insert(message: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(message) + 1)
    return message[:place] + draw.choice(TOKENS) + message[place:]


def _cut(message: bytes, draw: random.Random) -> bytes:
    first, last = sorted(draw.randrange(len(message) + 1) for _ in range(2))
    return message[:first] + message[last:]


def _repeat(message: bytes, draw: random.Random) -> bytes:
    first, last = sorted(draw.randrange(len(message) + 1) for _ in range(2))
    return message[:last] + message[first:last] * draw.randrange(3) + message[last:]


def _swap(message: bytes, draw: random.Random) -> bytes:
    """Put a token in the place of a value."""
    colons = [place for place, byte in enumerate(message) if byte == ord(":")]
    if not colons:
        return message
    first = draw.choice(colons) + 1
    last = min((p for p in (message.find(b, first) for b in (b",", b"}")) if p > 0), default=first)
    return message[:first] + draw.choice(TOKENS) + message[last:]


MUTATORS: list[Callable[[bytes, random.Random], bytes]] = [_flip, _insert, _cut, _repeat, _swap]
