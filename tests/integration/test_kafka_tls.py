"""The Kubernetes example's pipeline file against a real Kafka that asks for TLS and a password."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._scram import (
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from tests.e2e.test_pipeline import metric, wait_for
from tests.support.commands import run_command
from tests.support.forked_command import ForkedCommand
from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_settings import HOST, free_port

EXAMPLE = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes" / "example"
USER, PASSWORD = "pynomaly", "only the Secret knows"
TOPICS = ("presses", "presses.anomalies", "presses.rejected")
READINGS = 600


@dataclass(frozen=True)
class Secured:
    """A broker with a second way in.

    Attributes:
        broker: reached without TLS by the test alone.
        address: host:port that takes TLS and SCRAM only.
        secret: the folder that stands for the mounted Secret.
    """

    broker: KafkaBroker
    address: str
    secret: Path


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("secret")
    key, certificate = folder / "key.pem", folder / "ca.crt"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=kafka", "-addext", f"subjectAltName=IP:{HOST}"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*make, *name, *files], check=True, capture_output=True)
    (folder / "server.pem").write_text(key.read_text() + certificate.read_text())
    (folder / "password").write_text(PASSWORD + "\n")
    plain, secure, control = free_port(), free_port(), free_port()
    listeners = f"PLAINTEXT://{HOST}:{plain},SECURE://{HOST}:{secure}"
    protocols = "PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT"
    settings = {
        "listeners": f"{listeners},CONTROLLER://{HOST}:{control}",
        "advertised.listeners": listeners,
        "controller.quorum.voters": f"1@{HOST}:{control}",
        "listener.security.protocol.map": protocols,
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.secure.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "server.pem"),
    }
    with KafkaBroker(plain, settings) as broker:
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        change = UserScramCredentialUpsertion(USER, info, PASSWORD.encode())
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        admin.alter_user_scram_credentials([change])[USER].result(120)
        for topic in TOPICS:
            broker.create_topic(topic, 2)
        yield Secured(broker, f"{HOST}:{secure}", folder)


@pytest.fixture
def pipeline(secured: Secured, tmp_path: Path) -> tuple[Path, int]:
    """The example's file, with the paths and the port that a test can have."""
    port = free_port()
    text = (EXAMPLE / "pipeline.yaml").read_text().replace("9464", str(port))
    text = text.replace("/run/secrets/kafka", str(secured.secret))
    file = tmp_path / "pipeline.yaml"
    file.write_text(text.replace("/var/lib/pynomaly", str(tmp_path)))
    return file, port


def environment(secured: Secured) -> dict[str, str]:
    return os.environ | {"KAFKA_BROKERS": secured.address, "KAFKA_USER": USER}


def validate(secured: Secured, file: Path) -> ForkedCommand:
    with file.with_suffix(".log").open("wb") as log:
        words, environ = ["validate", file, "--connect"], environment(secured)
        return ForkedCommand(*words, environ=environ, stdout=log, stderr=log)


def send(broker: KafkaBroker) -> None:
    """Send readings of one press, the last but ten of them strange."""
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    start = int(time.time() * 1000) - READINGS * 1000
    for number in range(READINGS):
        strange = 500 if number == READINGS - 10 else 0
        event = {
            "press": "p",
            "ts": start + number * 1000,
            "temperature": 60 + number % 7 + strange,
        }
        producer.produce(
            TOPICS[0], json.dumps(event | {"vibration": 1, "current": number % 3}), "p"
        )
    producer.flush()


def test_the_example_reads_and_writes_with_tls_and_a_password(
    secured: Secured, pipeline: tuple[Path, int], tmp_path: Path
) -> None:
    file, port = pipeline
    send(secured.broker)
    checked = run_command("validate", file, "--connect", environ=environment(secured))

    assert checked.returncode == 0, checked.stderr
    assert "100 of 100 sampled decode" in checked.stdout
    with (tmp_path / "log").open("wb") as lines:
        running = ForkedCommand("run", file, environ=environment(secured), stderr=lines)
    try:
        wait_for(lambda: metric(port, "pynomaly_anomalies_total") > 0, 300)
        running.send_signal(signal.SIGTERM)
        code = running.wait(120)
    finally:
        running.kill()
    log = (tmp_path / "log").read_text()
    assert code == 0, log
    assert secured.broker.topics().keys() >= set(TOPICS)
    assert PASSWORD not in log


def test_a_wrong_password_and_a_foreign_certificate_are_distinguished(
    secured: Secured, pipeline: tuple[Path, int], tmp_path: Path
) -> None:
    file, _ = pipeline
    (tmp_path / "password").write_text("not this one either")
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=other"]
    files = ["-keyout", str(tmp_path / "other.pem"), "-out", str(tmp_path / "ca.crt")]
    subprocess.run([*make, *files], check=True, capture_output=True)
    # Side by side: each waits for brokers that will not have it.
    checks, outputs, codes = {}, {}, []
    for name in ("password", "ca.crt"):
        other = file.with_name(f"{name}.yaml")
        wrong = file.read_text().replace(str(secured.secret / name), str(tmp_path / name))
        other.write_text(wrong)
        checks[name] = validate(secured, other)
    for name, check in checks.items():
        codes.append(check.wait(300))
        outputs[name] = file.with_name(f"{name}.log").read_text()

    assert codes == [2, 2]
    assert "uthentication" in outputs["password"]
    assert "uthentication" not in outputs["ca.crt"]
    assert "certificate" in outputs["ca.crt"]
    assert "not this one" not in outputs["password"]
