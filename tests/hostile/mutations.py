"""Hostile requests, drawn from a seed: valid ones of each endpoint, with parts that are not."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

TEXTS = (
    "' OR 1=1 --",
    '"; DROP TABLE users; --',
    "1) UNION SELECT digest FROM tokens --",
    "\\'; SELECT pg_sleep(9); --",
    "a\r\nX-Injected: yes",
    "%0d%0aX-Injected:%20yes",
    "a\0b",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "${jndi:ldap://127.0.0.1/a}",
    "{{7*7}}",
    "{0.__class__}",
    "%s%n%d",
    "<script>alert(1)</script>",
    "=cmd()",
    "\u202e\ufeff\U0001f525",
    "é" * 300,
    "A" * 5_000,
    "",
    " ",
    "*",
    "null",
    "true",
    "-1",
    "0",
    "9" * 19,
    "9" * 5_000,
    "1e309",
    "NaN",
)
VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**63,
    -(2**63) - 1,
    10**40,
    1e300,
    [],
    {},
    [[]] * 50,
    {"$gt": ""},
    "\ud800",
    *TEXTS,
)
"""What a field of a body may hold."""
BODIES = (
    b"",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"\xff\xfe",
    b"[" * 20_000,
    b'{"a":' * 5_000,
    b'{"name": 1e999, "text": NaN}',
    b'{"role": "viewer", "role": "admin"}',
    b'{"\\ud800": "\\udfff"}',
    b"x" * (2**20 + 1),
)
TIMES = (
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999-23:59",
    "1969-12-31T23:59:59.5Z",
    "2026-13-01T00:00:00Z",
    "now",
    "99999999999999999999",
)
POSITIONS: tuple[Any, ...] = (
    [1, "x"],
    [2**63, "x"],
    [-(2**63), "' OR 1=1 --"],
    [1.5, "x"],
    [True, None],
    [None, None],
    [[], {}],
    [1],
    {"a": 1, "b": 2},
    "ab",
    7,
)
"""What a forged cursor may hold."""
TAGS = (
    "*",
    '"1"',
    '"0"',
    'W/"1"',
    '"',
    '""',
    '"-1"',
    '"' + "9" * 30 + '"',
    "1",
    '"1", "2"',
    "\xb2",
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND")


@dataclass
class Hostile:
    """A request.

    Attributes:
        method, path: of the endpoint that is meant, as in its description.
        target: what is asked for, path and query.
        verb: the method that is sent, mostly that of the endpoint.
        fits: whether nothing of it was mutated.
    """

    method: str
    path: str
    target: str
    verb: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    fits: bool = True


def drawn(
    draw: Random, method: str, path: str, filled: dict[str, str], more: dict[str, Any]
) -> Hostile:
    """Return a request to an endpoint, often with something in it that does not fit.

    Args:
        draw: decides.
        method, path: of the endpoint.
        filled: a value for each parameter of the path.
        more: headers and the body of a request that fits.
    """
    body = None if "json" not in more else json.dumps(more["json"]).encode()
    target = "/api/v1" + path.format(**filled)
    if "params" in more:
        target += f"?{urlencode(more['params'])}"
    made = Hostile(method, path, target, method.upper(), dict(more.get("headers", {})), body)
    if body is not None:
        made.headers["Content-Type"] = "application/json"
    for mutate in draw.sample(MUTATIONS, draw.choice((0, 1, 1, 2, 3))):
        mutate(draw, made, filled, more)
        made.fits = False
    return made


def _path(draw: Random, made: Hostile, filled: dict[str, str], _more: dict[str, Any]) -> None:
    hostile = {name: quote(draw.choice(TEXTS), safe="") for name in filled}
    made.target = "/api/v1" + made.path.format(**hostile) + draw.choice(("", "", "/", "//", "/.."))


def _query(draw: Random, made: Hostile, _filled: dict[str, str], _more: dict[str, Any]) -> None:
    names = "pipeline entity incident kind severity status assignee closed format user before x"
    given = [(draw.choice(names.split()), draw.choice(TEXTS)) for _ in range(draw.randrange(4))]
    given += [(draw.choice(("since", "until")), draw.choice((*TIMES, *TEXTS)))]
    given += [("limit", draw.choice(("1", "1000", *TEXTS)))] * draw.randrange(3)
    query = "&".join(f"{name}={quote(value)}" for name, value in given)
    made.target += f"{draw.choice('??;#')}{query}"


def _cursor(draw: Random, made: Hostile, _filled: dict[str, str], _more: dict[str, Any]) -> None:
    forged = json.dumps(draw.choice(POSITIONS)).encode()
    coded = base64.urlsafe_b64encode(forged).decode()
    cut = coded[: draw.randrange(len(coded))]
    text = draw.choice((coded, coded, coded, cut, *TEXTS))
    made.target += f"{'&' if '?' in made.target else '?'}cursor={quote(text)}"


def _headers(draw: Random, made: Hostile, _filled: dict[str, str], _more: dict[str, Any]) -> None:
    plain = [text for text in TEXTS if text.isascii() and text.isprintable()]
    others = {
        "If-Match": draw.choice((*TAGS, *plain)),
        "Idempotency-Key": draw.choice((*plain, "k1", "k2")),
        "Content-Type": draw.choice(("text/plain", "application/xml", "application/json;;", "")),
        "X-Forwarded-For": "127.0.0.1",
        "X-HTTP-Method-Override": "DELETE",
        "Accept": draw.choice(plain),
        "Range": "bytes=0-1",
        "Cookie": draw.choice(plain),
        "Origin": "https://evil.example",
        "Content-Encoding": "gzip",
        "Expect": "100-continue",
        "Upgrade": "websocket",
    }
    for name in draw.sample(sorted(others), draw.randrange(1, 4)):
        made.headers[name] = others[name]


def _body(draw: Random, made: Hostile, _filled: dict[str, str], more: dict[str, Any]) -> None:
    fields = dict(more.get("json", {}))
    if draw.random() < 0.4:
        made.body = draw.choice(BODIES)
    else:
        names = [*fields, "name", "role", "reason", "text", "id", "__proto__", "revision"]
        for name in draw.sample(names, draw.randrange(1, 3)):
            fields[name] = draw.choice(VALUES)
        made.body = json.dumps(fields).encode()
    made.headers.setdefault("Content-Type", "application/json")


def _verb(draw: Random, made: Hostile, _filled: dict[str, str], _more: dict[str, Any]) -> None:
    made.verb = draw.choice(METHODS)


MUTATIONS = (_path, _query, _query, _cursor, _headers, _body, _body, _verb)
