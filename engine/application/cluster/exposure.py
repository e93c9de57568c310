"""Exposure: what a run lets in from other machines, said when it starts."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from engine.application.config.sections import MetricsSpec


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people should know before they go on.

    Attributes:
        level: of the log line.
        text: what it says.
    """

    level: int
    text: str


def notices(metrics: MetricsSpec | None) -> list[Notice]:
    """Return what to say of the address that a run listens on: that of its metrics page, if any."""
    return _of_metrics(metrics)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host; a name other than localhost may be anything."""
    try:
        address: IPv4Address | IPv6Address = ip_address(host.strip("[]"))
    except ValueError:
        return host.lower().rstrip(".") == "localhost"
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def _of_metrics(metrics: MetricsSpec | None) -> list[Notice]:
    if metrics is None or is_loopback(metrics.host):
        return []
    if metrics.basic_auth is None:
        text = f"whoever reaches {metrics.host} sees the metrics; metrics.basic_auth can ask who"
        return [Notice(logging.INFO, text)]
    if metrics.tls is None:
        text = "the metrics page's password is sent in the clear: metrics.tls encrypts it"
        return [Notice(logging.WARNING, text)]
    return []
