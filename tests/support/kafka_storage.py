"""The folder of a new broker, as Kafka's storage tool formats it.

The tool is a Java process of its own, which takes a second of processor time. What it writes beside
the ids depends on Kafka's release alone, so it runs once a release.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import uuid
from pathlib import Path

from tests.support.kafka_jars import KafkaUnavailableError, jar_directory
from tests.support.kafka_jvm import java_command, short_lived

FEATURES = "bootstrap.checkpoint"
"""File with the levels of the features that a cluster begins with."""


def new_id() -> str:
    """Return an id for a cluster or a folder, as Kafka writes them."""
    encoded = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # The tool would take a leading dash for an option.
    return "A" + encoded[1:] if encoded.startswith("-") else encoded


def format_storage(data: Path, properties: Path, cluster_id: str) -> None:
    """Format the folder of the one node of a new cluster.

    Args:
        data: the folder, which does not exist yet.
        properties: server.properties of the node.
        cluster_id: id of the cluster.

    Raises:
        KafkaUnavailableError: the tool failed.
    """
    jars = jar_directory()
    features = jars.parent / f"{jars.name}-{FEATURES}"
    if not features.exists():
        _run_tool(properties, cluster_id)
        partial = features.with_suffix(f".{os.getpid()}")
        shutil.copy(data / FEATURES, partial)
        partial.replace(features)
        return
    data.mkdir()
    shutil.copy(features, data / FEATURES)
    ids = {"version": 1, "cluster.id": cluster_id, "node.id": 1, "directory.id": new_id()}
    lines = [f"{name}={value}\n" for name, value in ids.items()]
    (data / "meta.properties").write_text("".join(lines))


def _run_tool(properties: Path, cluster_id: str) -> None:
    tool = ["kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(properties)]
    done = subprocess.run(
        java_command(tool, short_lived()),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise KafkaUnavailableError(f"cannot format storage:\n{done.stdout}{done.stderr}")
