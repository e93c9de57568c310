"""PostgreSQL's programs: those that are installed, or a build that Maven brings."""

from __future__ import annotations

import hashlib
import io
import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path

from tests.support.kafka_jars import KafkaUnavailableError, require_program

GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
ARTIFACT = "embedded-postgres-binaries-linux-{}"
VERSION = "17.6.0"
DIGESTS = {"amd64": "23da5a044b4fb7a5a081a45008c95749c873305328d73f86aefd56922ce1d29d"}
"""SHA-256 of the jar, by Maven's name of the processor."""


class PostgresUnavailableError(RuntimeError):
    """PostgreSQL cannot be had on this machine; the message says why and what to do."""


def programs(folder: Path) -> Path:
    """Return the folder that holds initdb and postgres; unpacked below `folder` if need be.

    Raises:
        PostgresUnavailableError: it is not installed, and Maven cannot bring it.
    """
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if installed:
        return installed[-1].parent
    with zipfile.ZipFile(_jar()) as jar:
        [name] = [name for name in jar.namelist() if name.endswith(".txz")]
        with tarfile.open(fileobj=io.BytesIO(jar.read(name)), mode="r:xz") as archive:
            archive.extractall(folder, filter="tar")
    return folder / "bin"


def _jar() -> Path:
    """Return the jar, fetched into the cache on first use (15 MB)."""
    processor = {"x86_64": "amd64"}.get(platform.machine(), platform.machine())
    if processor not in DIGESTS:
        raise PostgresUnavailableError(f"no build for {processor}: install postgresql")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    final = Path(base) / "pynomaly" / "postgres" / f"{ARTIFACT.format(processor)}-{VERSION}.jar"
    if not final.is_file():
        final.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=final.parent) as partial:
            _fetch(processor, Path(partial))
            (Path(partial) / final.name).replace(final)
    if hashlib.sha256(final.read_bytes()).hexdigest() != DIGESTS[processor]:
        raise PostgresUnavailableError(f"{final} is not what was expected: remove it")
    return final


def _fetch(processor: str, folder: Path) -> None:
    try:
        maven = require_program("mvn", "postgresql, or Apache Maven (Debian: maven)")
    except KafkaUnavailableError as error:
        raise PostgresUnavailableError(str(error)) from None
    artifact = f"io.zonky.test.postgres:{ARTIFACT.format(processor)}:{VERSION}"
    command = [maven, "-q", "-B", GOAL, f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=600, cwd=folder
    )
    if done.returncode != 0:
        output = (done.stdout + done.stderr)[-2000:]
        raise PostgresUnavailableError(f"Maven could not bring PostgreSQL:\n{output}")
