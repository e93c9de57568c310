"""Risks of a connection to Kafka: what is not protected from others on the network."""

from __future__ import annotations

from collections.abc import Mapping

from pynomaly.plugins import is_loopback


def connection_risks(brokers: str, settings: Mapping[str, object]) -> list[str]:
    """Return what others on the network can read, or answer in the brokers' place.

    Args:
        brokers: bootstrap servers.
        settings: of librdkafka.
    """
    hosts = [address.strip().rpartition("://")[2] for address in brokers.split(",")]
    if all(is_loopback(host.rpartition(":")[0]) for host in hosts):
        return []
    given = {name: str(value).lower() for name, value in settings.items()}
    protocol = given.get("security.protocol", "plaintext")
    if protocol == "sasl_plaintext":
        return ["security.protocol SASL_PLAINTEXT encrypts nothing: use SASL_SSL"]
    if protocol == "plaintext":
        return ["without security.protocol: SSL, others can read and change all that is sent"]
    risks = []
    if given.get("enable.ssl.certificate.verification") == "false":
        risks.append("enable.ssl.certificate.verification: false lets anybody answer: remove it")
    if given.get("ssl.endpoint.identification.algorithm") == "none":
        risks.append("ssl.endpoint.identification.algorithm: none lets other hosts answer")
    return risks
