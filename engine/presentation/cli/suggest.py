"""`pynomaly suggest` and `pynomaly sample`: from messages to a pipeline file, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from engine.application.use_cases.sample_source import MOST_SAMPLED, read_messages, sample_of
from engine.application.use_cases.suggest_pipeline import SuggestedPipeline, suggest_pipeline
from engine.domain.errors import FatalError
from engine.presentation.cli.output import current_redactor
from engine.presentation.cli.pipeline import open_pipeline
from engine.presentation.cli.table import As, Format, print_rows, printable

MOST_SHOWN = 300
"""Characters of a sentence about rejects."""
Messages = Annotated[
    int, typer.Option(help="Messages to read of each partition or file.", min=1, max=MOST_SAMPLED)
]


def suggest(
    source: Annotated[
        Path | None,
        typer.Argument(help="A file of messages; or a YAML file with a `source` section."),
    ] = None,
    kafka: Annotated[str | None, typer.Option(help="Brokers, such as broker:9092.")] = None,
    topic: Annotated[str | None, typer.Option(help="The topic to read.")] = None,
    of_format: Annotated[
        str | None,
        typer.Option(
            "--format", help="Format other than JSON: influx, {avro: {registry: {url: ...}}}..."
        ),
    ] = None,
    messages: Messages = MOST_SAMPLED,
) -> None:
    """Suggest a pipeline file for a topic or a file: key, time, values, arrays of events.

    It is printed with what to look at as comments, and runs as it is: anomalies go to the standard
    output. For brokers with TLS or a password, give a YAML file with the `source`.
    """
    name, section = _source(source, kafka, topic)
    if of_format is not None:
        section["format"] = _yaml(of_format, "--format")
    found = suggest_pipeline(
        name, section["source"], section.get("format"), messages, current_redactor()
    )
    _print(found)


def sample(
    file: Annotated[Path, typer.Argument(help="The pipeline file.")],
    messages: Messages = 20,
    output: As = Format.TABLE,
) -> None:
    """Show what becomes of some messages of a pipeline's source: events, and rejects below."""
    found = open_pipeline(file)
    sampled = sample_of(found, read_messages(found, messages))
    rows: list[dict[str, Any]] = [
        {"entity": event.entity, "time": _time(event.time), "values": dict(event.values)}
        for event in sampled.events
    ]
    print_rows(rows, ("entity", "time", "values"), output)
    if output is not Format.TABLE:
        return
    print(f"{sampled.messages} messages: {len(rows)} events, {len(sampled.rejects)} rejects")
    for count, reason, detail in sampled.rejects_by_reason():
        print(f"  {count} {reason}: {printable(detail)}")


def _source(file: Path | None, kafka: str | None, topic: str | None) -> tuple[str, dict[str, Any]]:
    """Return a name and the sections `source` and, if it is known, `format`."""
    if (file is None) == (kafka is None) or (kafka is None) != (topic is None):
        raise FatalError("name a file, or both --kafka BROKERS and --topic TOPIC")
    if file is None:
        # From the beginning: a pipeline that only waits for new messages shows nothing for long.
        settings = {"brokers": kafka, "topic": topic, "start": "earliest"}
        return str(topic), {"source": {"kafka": settings}}
    if file.suffix not in (".yaml", ".yml"):
        return file.name.partition(".")[0], {"source": {"file": {"path": str(file)}}}
    try:
        document = _yaml(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise FatalError(f"{file}: cannot be read: {error}") from None
    if not isinstance(document, dict) or "source" not in document:
        raise FatalError(f"{file}: expected a section `source`, as in a pipeline file")
    event = document.get("event")
    found = {"source": document["source"]}
    if isinstance(event, dict) and "format" in event:
        found["format"] = event["format"]
    return str(document.get("name", file.stem)), found


def _yaml(text: str, where: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise FatalError(f"{where}: is not YAML: {error}") from None


def _print(found: SuggestedPipeline) -> None:
    sample = found.sample
    entities = len({event.entity for event in sample.events})
    print(
        f"# Suggested from {sample.messages} messages: {len(sample.events)} events of "
        f"{entities} entities, {len(sample.rejects)} rejects."
    )
    for count, reason, detail in sample.rejects_by_reason():
        print(f"# rejected: {count} {reason}: {' '.join(detail.split())[:MOST_SHOWN]}")
    for note in found.notes:
        print(f"# note: {note}")
    text = yaml.safe_dump(dict(found.document), sort_keys=False, allow_unicode=True, width=100)
    print(text, end="")


def _time(time: int) -> str:
    return datetime.fromtimestamp(time / 1e9, UTC).isoformat()
