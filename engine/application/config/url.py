"""URLs in a pipeline file: which parts may be shown, and which must never be.

People put tokens and passwords into URLs: into the path of a webhook, before the host of a
database. So no more than scheme and host of a URL is ever shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import unquote

from engine.application.telemetry.redaction import MASK

FIELD = re.compile(r"(?:^|[._-])(?:url|uri|endpoint)s?$", re.IGNORECASE)
FORM = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?:(?P<user>[^/?#]*)@)?(?P<host>[^/?#@]*)(?P<rest>.*)",
    re.DOTALL,
)
HOSTS = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::\d+)?(?:,(?:[\w.-]+)(?::\d+)?)*")
HOST_PORT = re.compile(r":\d+$")
PARAMETER = re.compile(r"[?&]([^=&#]*)=([^&#]*)")
PASSWORD = re.compile(r"passw|passphrase|pwd|secret|token|credential|key|sig", re.IGNORECASE)

Span = tuple[int, int]
"""Where a part begins and ends in a text."""


@dataclass(frozen=True)
class PrivateParts:
    """The parts of a URL that are private.

    Attributes:
        secrets: must not be shown in messages on the file.
        credentials: must be shown nowhere.
    """

    secrets: tuple[str, ...]
    credentials: tuple[str, ...]


def host_and_port(host: str, port: int) -> str:
    """Return a host, or an address of IP, and its port, as a URL has them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_url_field(name: str) -> bool:
    """Whether a field of this name holds a URL: url, endpoint, schema.registry.url."""
    return FIELD.search(name) is not None


def public_url(url: str) -> str:
    """Return scheme, host and port of a URL; "***" if they cannot be determined."""
    found = FORM.fullmatch(url)
    # A password with a slash in it, which should be quoted, looks like a host.
    if found is None or HOSTS.fullmatch(found["host"]) is None or "@" in found["rest"]:
        return MASK
    return f"{found['scheme']}{found['host']}"


def host_of(url: str) -> str:
    """Return the host of a URL, without its port; "" if it cannot be determined."""
    return HOST_PORT.sub("", public_url(url).partition("://")[2])


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host; a name other than localhost may be anything."""
    try:
        address: IPv4Address | IPv6Address = ip_address(host.strip("[]"))
    except ValueError:
        return host.lower().rstrip(".") == "localhost"
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def is_in_the_clear(url: str) -> bool:
    """Whether what goes to a URL crosses a network without TLS."""
    return url.lower().startswith(("http://", "ftp://")) and not is_loopback(host_of(url))


def private_parts(url: str, references: Sequence[Span], whole: bool) -> PrivateParts:
    """Return the parts of a URL that must not be shown.

    Args:
        url: the URL, references replaced.
        references: where the values of references are in it.
        whole: whether all of it is one reference.
    """
    found = FORM.fullmatch(url)
    if found is None or "@" in found["rest"]:
        values = tuple(url[begin:end] for begin, end in references)
        return PrivateParts(values, values)
    credentials = list(_always(found))
    secrets = []
    for begin, end in references:
        user = _overlap(url, (begin, end), found.span("user"))
        rest = _overlap(url, (begin, end), found.span("rest"))
        secrets += [user, rest]
        is_http = found["scheme"].lower().startswith("http")
        # The name of a database, in a URL that is read as a whole, is an ordinary word.
        if is_http or not whole:
            credentials.append(rest)
        if is_http:
            credentials.append(user)
    kept = tuple(part for part in credentials if part)
    return PrivateParts((*(part for part in secrets if part), *kept), kept)


def _always(found: re.Match[str]) -> Iterator[str]:
    """Yield passwords, as they are written and as they are meant."""
    password = (found["user"] or "").partition(":")[2]
    parameters = PARAMETER.findall(found["rest"])
    for secret in (password, *(value for name, value in parameters if PASSWORD.search(name))):
        yield from (secret, unquote(secret))


def _overlap(text: str, one: Span, other: Span) -> str:
    begin, end = max(one[0], other[0]), min(one[1], other[1])
    return text[begin:end] if other[0] >= 0 else ""
