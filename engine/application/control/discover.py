"""Discovers pipelines: from a list, by DNS, or by a plug-in."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterable, Sequence

from engine.application import registry
from engine.application.config.url import host_and_port
from engine.application.discovery_port import Discovery, Target
from engine.domain.errors import FatalError, PynomalyError, RetryableError

logger = logging.getLogger("pynomaly.discovery")


class StaticDiscovery:
    """A fixed address of a metrics page.

    Args:
        place: host:port.

    Raises:
        FatalError: it is not valid.
    """

    def __init__(self, place: str) -> None:
        host_port(place)
        self._target = Target(place)

    def find(self) -> list[Target]:
        """Return the page."""
        return [self._target]


class DnsDiscovery:
    """One page for each address of a DNS name, such as that of a headless Service.

    Args:
        place: name:port.

    Raises:
        FatalError: it is not valid.
    """

    def __init__(self, place: str) -> None:
        self._host, self._port = host_port(place)

    def find(self) -> list[Target]:
        """Return the pages.

        Raises:
            RetryableError: the name cannot be resolved.
        """
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise RetryableError(f'"{self._host}" cannot be resolved: {error}') from error
        addresses = sorted({str(one[4][0]) for one in found})
        return [Target(host_and_port(address, self._port)) for address in addresses]


OWN: dict[str, Callable[[str], Discovery]] = {"static": StaticDiscovery, "dns": DnsDiscovery}


def discovery(text: str) -> Discovery:
    """Return a discovery.

    Args:
        text: static:HOST:PORT, dns:NAME:PORT, or the name of a plug-in, a colon, and a place.

    Raises:
        PynomalyError: the kind of discovery is unknown, or the place is not valid.
    """
    name, _, place = text.partition(":")
    return OWN[name](place) if name in OWN else registry.discovery(name)(place)


def host_port(place: str, option: str = "--discover") -> tuple[str, int]:
    """Parse "host:port" of a command-line option.

    Raises:
        FatalError: the text is not host:port.
    """
    host, _, port = place.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise FatalError(f"{option} {place}: expected HOST:PORT, as in press.example:9464")
    return host.strip("[]"), int(port)


def discovered(ways: Iterable[Discovery]) -> Sequence[Target]:
    """Return the pages that all discoveries find; if one fails, the others still count."""
    found: dict[str, Target] = {}
    for way in ways:
        try:
            found |= {target.address: target for target in way.find()}
        except PynomalyError as error:
            logger.warning("some pipelines are not found now: %s", error)
    return list(found.values())
