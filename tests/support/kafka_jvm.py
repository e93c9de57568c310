"""The Java virtual machine that a broker runs in.

Most brokers of tests live for seconds: they compile their code lightly, and map the classes that
an earlier broker loaded. Such a broker needs a third of the processor time until it answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from tests.support.kafka_jars import LOG_SETTINGS, jar_directory, require_program

OPTIONS = (
    "-Xms128m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-Djava.awt.headless=true",
    f"-Dlog4j2.configurationFile={LOG_SETTINGS}",
)
LIGHT_COMPILATION = "-XX:TieredStopAtLevel=1"


def java_command(main: Sequence[str], options: Sequence[str] = ()) -> list[str]:
    """Return the command that runs a class of Kafka's jars.

    Args:
        main: the class and its arguments.
        options: of the virtual machine, beside those that every broker has.

    Raises:
        KafkaUnavailableError: Java or the jars are missing.
    """
    return [_java(), *OPTIONS, *options, "-cp", f"{jar_directory()}/*", *main]


def class_archive() -> Path:
    """Return where the archive of loaded classes is, or will be, for this Java and these jars."""
    java = Path(_java()).resolve()
    known_by = f"{java} {java.stat().st_mtime_ns} {OPTIONS}".encode()
    jars = jar_directory()
    return jars.parent / f"{jars.name}-{hashlib.sha256(known_by).hexdigest()[:8]}.jsa"


def short_lived() -> list[str]:
    """Return the options of a process that lives for seconds."""
    archive = class_archive()
    if not archive.exists():
        return [LIGHT_COMPILATION]
    # Java ignores an archive that does not fit any more.
    return [LIGHT_COMPILATION, f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off"]


def _java() -> str:
    return require_program("java", "Java 17 or newer (Debian: openjdk-17-jre-headless)")
