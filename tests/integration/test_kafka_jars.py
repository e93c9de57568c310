"""The jar cache fills once, whole, and says what is missing."""

import threading
from pathlib import Path

import pytest

from tests.support.kafka_jars import KafkaUnavailableError, jar_directory

# Stands for Maven: waits until both callers are inside, then "resolves" one jar.
MAVEN = """#!/bin/sh
for argument; do case $argument in -DoutputDirectory=*) folder=${argument#*=};; esac; done
: > "$RENDEZVOUS/$$"
while [ "$(ls "$RENDEZVOUS" | wc -l)" -lt "$CALLERS" ]; do sleep 0.01; done
echo jar > "$folder/kafka.jar"
"""


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is first on PATH, and an empty cache."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def install_maven(folder: Path, script: str) -> None:
    program = folder / "mvn"
    program.write_text(script)
    program.chmod(0o755)


def test_two_at_once_share_one_whole_folder(
    bin_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_maven(bin_folder, MAVEN)
    rendezvous = tmp_path / "rendezvous"
    rendezvous.mkdir()
    monkeypatch.setenv("RENDEZVOUS", str(rendezvous))
    monkeypatch.setenv("CALLERS", "2")
    found: list[Path] = []
    callers = [threading.Thread(target=lambda: found.append(jar_directory())) for _ in range(2)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    assert len(found) == 2
    assert len(set(found)) == 1
    assert [jar.name for jar in found[0].iterdir()] == ["kafka.jar"]
    assert list(found[0].parent.iterdir()) == [found[0]]


def test_a_full_cache_needs_no_maven(bin_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_maven(bin_folder, MAVEN)
    monkeypatch.setenv("RENDEZVOUS", str(bin_folder))
    monkeypatch.setenv("CALLERS", "1")
    first = jar_directory()
    monkeypatch.setenv("PATH", "")

    assert jar_directory() == first


def test_without_maven_it_says_what_to_install(
    bin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(bin_folder))

    with pytest.raises(KafkaUnavailableError, match="install Apache Maven"):
        jar_directory()


def test_a_failed_resolution_leaves_nothing(bin_folder: Path, tmp_path: Path) -> None:
    install_maven(bin_folder, "#!/bin/sh\necho no such artifact\nexit 1\n")

    with pytest.raises(KafkaUnavailableError, match="no such artifact"):
        jar_directory()
    assert list((tmp_path / "cache" / "pynomaly" / "kafka").iterdir()) == []
