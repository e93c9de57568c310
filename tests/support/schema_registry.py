"""A real schema registry for tests: Apicurio's, from Maven, with Confluent's API."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

VERSION = "3.3.3"
ARTIFACT = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
LEAST_JAVA = 21
SECONDS = 300
LISTENING = re.compile(r"Listening on: http://[^:]*:([0-9]+)")
LAST_CHARS = 2_000
"""Of its log, in the reason why it ended."""


class RegistryUnavailableError(RuntimeError):
    """A registry cannot be had on this machine; the message says why."""


class SchemaRegistry:
    """A registry whose schemas are in files: it can be killed and started again.

    Args:
        folder: of its files.
    """

    def __init__(self, folder: Path) -> None:
        self._app, self._java, self._folder = _folder(), _java(), folder
        # The registry takes a free one itself: one that is only known to be free now may be taken
        # when it has started, which takes minutes on a busy machine.
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of its Confluent-compatible API, once it has started."""
        return f"http://127.0.0.1:{self._port}/apis/ccompat/v7"

    def start(self) -> None:
        """Start it, at the former address if it had one; return when it answers.

        Raises:
            RegistryUnavailableError: it does not.
        """
        environment = {
            **os.environ,
            "QUARKUS_HTTP_PORT": str(self._port),
            "QUARKUS_HTTP_HOST": "127.0.0.1",
            # Otherwise it is 9000, and a second registry on the machine ends at once.
            "QUARKUS_MANAGEMENT_PORT": "0",
            "QUARKUS_MANAGEMENT_HOST": "127.0.0.1",
            "APICURIO_STORAGE_KIND": "sql",
            "APICURIO_STORAGE_SQL_KIND": "h2",
            "APICURIO_DATASOURCE_URL": f"jdbc:h2:file:{self._folder}/registry",
        }
        self._folder.mkdir(parents=True, exist_ok=True)
        log = self._folder / "log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [str(self._java), "-Xmx384m", "-XX:TieredStopAtLevel=1", "-jar", "quarkus-run.jar"],
                cwd=self._app,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self._port = _wait_for_port(log, self._process)
        _wait_until_up(self.url, self._process, log)

    def kill(self) -> None:
        """Kill it, as a machine without memory does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def schema_registry() -> Iterator[str]:
    """Run a registry; yield the address of its Confluent-compatible API."""
    with tempfile.TemporaryDirectory() as folder:
        registry = SchemaRegistry(Path(folder))
        try:
            registry.start()
            yield registry.url
        finally:
            registry.kill()


def _wait_for_port(log: Path, process: subprocess.Popen[bytes]) -> int:
    """Return the port that a registry has taken, as it logs it."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if found := LISTENING.search(log.read_text(errors="replace")):
            return int(found[1])
        _check(process, log)
        time.sleep(0.2)
    raise RegistryUnavailableError(f"the registry did not start within {SECONDS} s")


def _wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        _check(process, log)
        try:
            with urlopen(f"{url}/subjects", timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise RegistryUnavailableError(f"the registry did not answer within {SECONDS} s")


def _check(process: subprocess.Popen[bytes], log: Path) -> None:
    if process.poll() is not None:
        said = log.read_text(errors="replace")[-LAST_CHARS:]
        raise RegistryUnavailableError(f"the registry ended with code {process.returncode}: {said}")


def _folder() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    final = base / "pynomaly" / "apicurio" / VERSION
    if final.is_dir():
        return final
    final.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=final.parent))
    try:
        with tarfile.open(_archive(partial)) as archive:
            archive.extractall(partial / "app", filter="data")
        if not final.is_dir():
            (partial / "app").rename(final)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return final


def _archive(folder: Path) -> Path:
    maven = shutil.which("mvn")
    if maven is None:
        raise RegistryUnavailableError("mvn is not on PATH: install Apache Maven (Debian: maven)")
    for goal in (
        [f"{GOAL}:get", f"-Dartifact={ARTIFACT}", "-Dtransitive=false"],
        [f"{GOAL}:copy", f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={folder}"],
    ):
        done = subprocess.run(
            [maven, "-q", "-B", *goal],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        if done.returncode != 0:
            raise RegistryUnavailableError(f"mvn {goal[0]}: {done.stdout[-500:]}")
    return next(folder.glob("*.tar.gz"))


def _java() -> Path:
    homes = [Path(os.environ.get("JAVA_HOME", "/nowhere")), *Path("/usr/lib/jvm").glob("*")]
    for home in homes:
        java = home / "bin" / "java"
        if java.exists() and _version(java) >= LEAST_JAVA:
            return java
    raise RegistryUnavailableError(f"the registry needs Java {LEAST_JAVA} or newer")


def _version(java: Path) -> int:
    output = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', output)
    return int(found[1]) if found else 0
