"""The jars of a real Kafka broker: resolved once by Maven, kept in a cache outside the checkout."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

_SOURCES = Path(__file__).resolve().parents[2] / "deploy" / "kafka"

POM = _SOURCES / "pom.xml"
LOG_SETTINGS = _SOURCES / "log4j2.xml"

_MAVEN_SECONDS = 600


class KafkaUnavailableError(RuntimeError):
    """A broker cannot be had on this machine; the message says why and what to do."""


def require_program(name: str, install: str) -> str:
    """Return the path of program `name`.

    Raises KafkaUnavailableError, which says to install `install`, when it is not on PATH.
    """
    path = shutil.which(name)
    if path is None:
        raise KafkaUnavailableError(f"{name} is not on PATH: install {install}")
    return path


def jar_directory() -> Path:
    """Return the folder that holds the broker's jars, filling it on first use (about 45 MB).

    Safe when several processes call it at once: each fills a folder of its own, the first to
    finish gives it the final name. Raises KafkaUnavailableError when Maven is missing or fails.
    """
    final = _cache_root() / _cache_key()
    if final.is_dir():
        return final
    final.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=final.parent))
    try:
        _resolve_into(partial)
        _publish(partial, final)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return final


def _cache_root() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pynomaly" / "kafka"


def _cache_key() -> str:
    # The digest keeps a changed pom from meeting the jars of the old one.
    content = POM.read_bytes()
    version = re.search(rb"<kafka\.version>(.+?)<", content)
    if version is None:
        raise KafkaUnavailableError(f"{POM} names no kafka.version")
    return f"{version[1].decode()}-{hashlib.sha256(content).hexdigest()[:8]}"


def _resolve_into(folder: Path) -> None:
    maven = require_program("mvn", "Apache Maven (Debian: maven)")
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime"]
    command = [maven, "-q", "-B", "-f", str(POM), *goal, f"-DoutputDirectory={folder}"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_MAVEN_SECONDS,
        )
    except subprocess.TimeoutExpired as expired:
        message = f"Maven did not resolve Kafka's jars in {_MAVEN_SECONDS} s"
        raise KafkaUnavailableError(message) from expired
    if done.returncode != 0:
        output = (done.stdout + done.stderr)[-2000:]
        raise KafkaUnavailableError(f"Maven could not resolve Kafka's jars:\n{output}")


def _publish(partial: Path, final: Path) -> None:
    # mkdtemp makes it private to this user, a cache may be shared with others.
    partial.chmod(0o755)
    try:
        partial.rename(final)
    except OSError:
        if not final.is_dir():
            raise
