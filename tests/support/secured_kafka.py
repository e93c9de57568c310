"""A broker with passwords, rights and certificates: who may do what is decided by the test."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_settings import HOST, free_port

USER, PASSWORD = "pynomaly", "known to the test alone"
TOPIC, GROUP, TRANSACTIONAL_ID = (
    ResourceType.TOPIC,
    ResourceType.GROUP,
    ResourceType.TRANSACTIONAL_ID,
)
LITERAL, PREFIXED = ResourcePatternType.LITERAL, ResourcePatternType.PREFIXED
_PLAIN_LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule"


@dataclass(frozen=True)
class SecuredKafka:
    """A broker that takes anybody at one port, as its administrator, and asks at the others.

    Attributes:
        broker: the administrator's way in.
        sasl: host:port that asks for a password, without TLS.
        tls: host:port whose certificate is good for `localhost` and 127.0.0.1.
        expired: host:port whose certificate has expired.
        misnamed: host:port whose certificate is good for another name.
        authority: file with the certificates to trust.
    """

    broker: KafkaBroker
    sasl: str
    tls: str
    expired: str
    misnamed: str
    authority: Path

    def login(self, password: str = PASSWORD, user: str = USER) -> dict[str, str]:
        """Return the settings of a client that comes by `sasl`."""
        return {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": user,
            "sasl.password": password,
        }

    def trust(self) -> dict[str, str]:
        """Return the settings of a client that comes by `tls` or `expired`."""
        return {"security.protocol": "SSL", "ssl.ca.location": str(self.authority)}

    def allow(
        self,
        kind: ResourceType,
        name: str,
        *operations: str,
        pattern: ResourcePatternType = LITERAL,
    ) -> None:
        """Let the user do something with a resource."""
        bindings = [
            AclBinding(
                kind, name, pattern, f"User:{USER}", "*", AclOperation[op], AclPermissionType.ALLOW
            )
            for op in operations
        ]
        admin = AdminClient({"bootstrap.servers": self.broker.bootstrap})
        for made in admin.create_acls(bindings).values():
            made.result(120)


@contextmanager
def secured_kafka(folder: Path) -> Iterator[SecuredKafka]:
    """Run such a broker; `folder` takes its certificates."""
    # openssl takes no less, and it is enough: what ended yesterday has expired.
    names = f"IP:{HOST},DNS:localhost"
    good = _certificate(folder, "good", 2, names)
    expired = _certificate(folder, "expired", -1, names)
    foreign = _certificate(folder, "stranger", 2, "DNS:other.example")
    authority = folder / "authority.pem"
    authority.write_text("".join(each.read_text() for each in (good, expired, foreign)))
    plain, sasl, tls, late, other, control = (free_port() for _ in range(6))
    listeners = (
        f"PLAINTEXT://{HOST}:{plain},ASKING://{HOST}:{sasl},GOOD://{HOST}:{tls},"
        f"LATE://{HOST}:{late},OTHER://{HOST}:{other}"
    )
    settings = {
        "listeners": f"{listeners},CONTROLLER://{HOST}:{control}",
        "advertised.listeners": listeners,
        "controller.quorum.voters": f"1@{HOST}:{control}",
        "listener.security.protocol.map": (
            "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,ASKING:SASL_PLAINTEXT,GOOD:SSL,LATE:SSL,"
            "OTHER:SSL"
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.asking.plain.sasl.jaas.config": (
            f'{_PLAIN_LOGIN} required user_{USER}="{PASSWORD}";'
        ),
        "ssl.client.auth": "none",
    }
    for name, certificate in (("good", good), ("late", expired), ("other", foreign)):
        settings[f"listener.name.{name}.ssl.keystore.type"] = "PEM"
        settings[f"listener.name.{name}.ssl.keystore.location"] = str(certificate)
    with KafkaBroker(plain, settings) as broker:
        yield SecuredKafka(
            broker,
            f"{HOST}:{sasl}",
            f"{HOST}:{tls}",
            f"{HOST}:{late}",
            f"{HOST}:{other}",
            authority,
        )


def _certificate(folder: Path, name: str, days: int, names: str) -> Path:
    """Make a certificate that signs itself; return the file of it and its key."""
    key, request, certificate = (folder / f"{name}.{kind}" for kind in ("key", "csr", "crt"))
    subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName={names}"]
    ask: list[str | Path] = [
        "req",
        "-newkey",
        "rsa:2048",
        "-nodes",
        *subject,
        "-keyout",
        key,
        "-out",
        request,
    ]
    sign = ["x509", "-req", "-in", request, "-signkey", key, "-copy_extensions", "copyall"]
    for command in (ask, [*sign, "-days", str(days), "-out", certificate]):
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    both = folder / f"{name}.pem"
    both.write_text(key.read_text() + certificate.read_text())
    return both
