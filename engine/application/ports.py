"""The ports: the interfaces that sources, sinks and steps implement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any, Literal, Protocol, runtime_checkable

from bytewax.inputs import FixedPartitionedSource
from bytewax.outputs import FixedPartitionedSink
from pydantic import BaseModel, ConfigDict

from engine.application.telemetry.heartbeat import Heartbeat
from engine.application.telemetry.metrics import Telemetry
from engine.application.telemetry.redaction import Redactor
from engine.domain.batch import EventBatch, RawBatch
from engine.domain.entity_report import EntityReport
from engine.domain.errors import Shutdown
from engine.domain.format import Format
from engine.domain.pipeline import Pipeline
from engine.domain.record import Record
from engine.domain.reject import Reject


class Settings(BaseModel):
    """Base of every part of a pipeline file: frozen, and unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def risks(self) -> list[str]:
        """Return what people should know before it runs, such as a connection in the clear."""
        return []


@dataclass(frozen=True)
class RunContext:
    """What a running process shares with its plug-ins.

    Attributes:
        pipeline: name of the pipeline.
        telemetry: the metrics of this process.
        draining: set when the process was asked to end: sources stop reading.
        needs_keys: whether the mapping reads the message key.
        fields, text_fields: names of fields that the mapping reads, and reads as texts; see
            `EventMapping`.
        max_bytes: of a message: what is larger is rejected, and need not be read whole.
        process, processes: number of this process, and how many this run has.
        state: directory where the pipeline's state is kept; None if it is kept elsewhere.
        earlier_processes: how many the run before had, as far as it is known.
        exactly_once: whether sinks must publish every record once, crashes or not.
        checkpoint_interval: time between checkpoints.
        snapshot_interval: longest time in which all state is stored whole once.
        heartbeat: reports to the supervisor that this process works, waits or is idle.
        outages: what cannot be reached now, and why, by who wants to; for the health pages.
        redactor: takes secrets out of texts that are written elsewhere than in the log.
        run: what tells this run from others of the pipeline; "" where nobody says.
        shared: what the plug-ins of this process share with each other, by a name of their own.
    """

    pipeline: str
    telemetry: Telemetry = field(default_factory=Telemetry)
    draining: Event = field(default_factory=Event)
    needs_keys: bool = True
    fields: frozenset[str] = frozenset()
    text_fields: frozenset[str] = frozenset()
    max_bytes: int = 2**20
    process: int = 0
    processes: int = 1
    state: Path | None = None
    earlier_processes: int = 0
    exactly_once: bool = False
    checkpoint_interval: timedelta = timedelta(seconds=10)
    snapshot_interval: timedelta = timedelta(minutes=10)
    heartbeat: Heartbeat = field(default_factory=Heartbeat)
    outages: dict[str, str] = field(default_factory=dict)
    redactor: Redactor = field(default_factory=Redactor)
    run: str = ""
    shared: dict[str, Any] = field(default_factory=dict)

    def stopped(self, waiting_for: str) -> Shutdown:
        """End in order, since we were asked to stop while we waited for something outside.

        Where a supervisor listens, wait for it to end this process; else return what to raise.
        """
        why = f"asked to stop while waiting for {waiting_for}"
        self.heartbeat.stopped(why)
        return Shutdown(why)


Rereadable = Literal["exactly", "at_other_times", "never"]


class SourcePlugin(Protocol):
    """What an entry point in `pynomaly.sources` names: a class.

    Its `Settings` describes what the pipeline file may say below `source: {<name>: ...}`.

    Attributes:
        rereadable: whether a partition that is opened at an earlier position gives the same
            messages again: "exactly"; "at_other_times", where the timestamps are those of reading;
            or "never". Where it does not, what has come is kept in the state until it is stored
            whole. Positions are offsets, the one after the last message's, unless it is "never".
    """

    Settings: type[Settings]
    rereadable: Rereadable

    def __init__(self, settings: Any, context: RunContext) -> None: ...

    @property
    def topic(self) -> str:
        """The name that anomalies give as their origin."""
        ...

    def source(self) -> FixedPartitionedSource[RawBatch, Any]:
        """Return the Bytewax source; its partitions emit RawBatch items.

        Bytewax does not drive it: its parts are opened, read, asked for their position with
        `snapshot`, and closed by the dataflow, some of them more than once.
        """
        ...

    def stored(self, positions: Mapping[str, Any]) -> None:
        """Take note that all before these positions, by partition, is stored and delivered."""
        ...

    def check(self, samples: int) -> list[RawBatch]:
        """Reach the real thing, as `validate --connect` does; return some real messages.

        Raises:
            ConnectorError: it cannot be reached, or does not hold what the settings name.
        """
        ...

    def finish(self) -> None:
        """Called once after a clean end: everything read is stored and delivered."""
        ...


class SinkPlugin(Protocol):
    """What an entry point in `pynomaly.sinks` names: a class.

    Args:
        settings: of the class `Settings`.
        context: of this process.
        role: anomalies, incidents, scores or dead_letters; where a role has several sinks, a dot
            and a name follow (`engine.domain.names.role_of`).

    Attributes:
        exactly_once: whether it can publish every record once, crashes or not: its snapshot makes
            visible, or can take back, what was written.
        roles: optional, the roles that it can have; all unless given.
    """

    Settings: type[Settings]
    exactly_once: bool

    def __init__(self, settings: Any, context: RunContext, role: str) -> None: ...

    def sink(self) -> FixedPartitionedSink[list[Record], Any]:
        """Return the Bytewax sink; its items are lists of Record.

        Bytewax does not drive it. The dataflow builds one part, named by the number of the
        process. Its state is the list of what `snapshot` returned at the last checkpoints of the
        tasks that the process has now, each as orjson writes and reads it; it is empty where
        nothing was stored. `snapshot` is called at each checkpoint, and returns once all that was
        written is delivered, or belongs to the checkpoint that is about to be stored.
        """
        ...

    def check(self) -> None:
        """Reach the real thing, as `validate --connect` does, and a run before it starts.

        Raises:
            ConnectorError: it does not hold what the settings name, or refuses us.
            RetryableError: it does not answer now.
        """
        ...


@runtime_checkable
class ReadableSink(Protocol):
    """A sink whose records can be read back, as `pynomaly rejects` does with dead letters."""

    def written(self) -> Iterator[Record]:
        """Yield the records that it holds now."""
        ...


@runtime_checkable
class FollowableSink(Protocol):
    """A sink whose records a source can follow, as `pynomaly serve` does."""

    def followed_by(self) -> tuple[str, dict[str, Any]]:
        """Return the name and the settings of the source that reads what it writes.

        Raises:
            ConnectorError: what it writes is no JSON, or not read to its end.
        """
        ...


class Redrive(Protocol):
    """Sends messages that were dead letters back to a source.

    Once one is made, nobody else's is at work; so what `letters` yields is all that was sent.
    """

    def letters(self) -> Iterator[Record]:
        """Yield the dead letters, and of those that were sent back a record that says so."""
        ...

    def send(self, letters: Iterable[tuple[str, int | None, list[Record]]]) -> int:
        """Send the messages of dead letters; return of how many letters.

        Args:
            letters: id, partition to send to if it is known, and messages. What is sent comes
                with a record beside the dead letters, with the header `REDRIVEN_HEADER`: both or
                none, crashes or not.
        """
        ...


@runtime_checkable
class RedrivableSource(Protocol):
    """A source that dead letters can be sent back to."""

    @property
    def topic(self) -> str:
        """The name that dead letters give as their origin."""
        ...

    def redrive(self, letters: Settings) -> Redrive:
        """Return what sends them back.

        Args:
            letters: settings of the sink of the dead letters.

        Raises:
            ConnectorError: it cannot be, or not just once.
        """
        ...


class StateStorePlugin(Protocol):
    """What an entry point in `pynomaly.stores` names: a class.

    Its `Settings` describes what the pipeline file may say below `state: {<name>: ...}`. It is made
    before the source and the sinks of its process.
    """

    Settings: type[Settings]

    def __init__(self, settings: Any, context: RunContext) -> None: ...

    def store(self) -> Any:
        """Return the process's side of it: a `StateStore` of `engine.application.state.store`."""
        ...

    def stored(self) -> Any:
        """Return all that is stored, for commands: a `StoredState` of the same module.

        The source is made before it is used.
        """
        ...

    def check(self) -> None:
        """Reach the real thing, as `validate --connect` does.

        Raises:
            ConnectorError: it cannot be reached, or does not fit.
        """
        ...


class RepartitionPlugin(Protocol):
    """What an entry point in `pynomaly.repartitions` names: a class.

    Its `Settings` describes what the pipeline file may say below
    `event.repartition: {<name>: ...}`. A process that re-keys makes its store first, then its
    source and its sinks.

    Args:
        settings: of the class `Settings`.
        source: settings of the source.
        context: of a process that re-keys.
    """

    Settings: type[Settings]

    def __init__(self, settings: Any, source: Any, context: RunContext) -> None: ...

    @staticmethod
    def task_source(settings: Any, source: Any) -> tuple[type[SourcePlugin], BaseModel]:
        """Return the source that reads what was re-keyed, and its settings."""
        ...

    def source(self) -> SourcePlugin:
        """Return what reads the messages that are to be re-keyed; it has a `membership`."""
        ...

    def store(self) -> Any:
        """Return where positions are kept: a `StateStore` of `engine.application.state.store`."""
        ...

    def sink(self) -> FixedPartitionedSink[list[Record], Any]:
        """Return what writes re-keyed messages; as `SinkPlugin.sink`."""
        ...

    def check(self) -> None:
        """Reach the real thing, as `validate --connect` does.

        Raises:
            ConnectorError: it cannot be reached, or does not fit.
        """
        ...


class ControlLogPlugin(Protocol):
    """What the attribute `ControlLog` of a store plug-in names, if it has one: a class.

    It is an ordered log of lines with numbers that rise, durable, and shared by all instances.

    Attributes:
        where: it lies, for people.
        id: tells it from another log at the same place; "" while there is none.
    """

    Settings: type[Settings]
    where: str
    id: str

    def __init__(self, settings: Any, context: RunContext) -> None: ...

    def read(self, wait: float) -> list[tuple[int, bytes]]:
        """Return the lines that have come since the last call, with their numbers.

        Where `id` has changed they are all of the new log.

        Args:
            wait: seconds to wait for the end of the log; 0 returns what is there at once.

        Raises:
            ConnectorError: it cannot be reached, or its end was not.
        """
        ...

    def append(self, line: bytes) -> int:
        """Append a line, and begin the log if there is none; return its number.

        Raises:
            ConnectorError: it was not written.
        """
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class TaskStep(Protocol):
    """A step with state of its own for each task."""

    def process(self, batches: list[Any]) -> list[Any]:
        """Return what becomes of some batches of the task, in their order."""
        ...

    def dump(self) -> bytes:
        """Return the whole state as versioned bytes."""
        ...

    def restore(self, blob: bytes) -> None:
        """Restore what `dump` returned; called before anything is processed.

        Raises:
            SnapshotError: it is corrupt, or does not fit.
        """
        ...

    def report_to(self, telemetry: Telemetry) -> None:
        """Count in these metrics from now on; until then, events come for the second time."""
        ...

    def leave(self) -> None:
        """Take what was shown of this task off the metrics: it is let go."""
        ...


class EntityReports(Protocol):
    """What the step `detect` also offers: what its task knows of each entity."""

    def entities(self) -> Sequence[str]:
        """Return the keys of all entities."""
        ...

    def report(self, entity: str) -> EntityReport | None:
        """Return what is known of an entity, and learn nothing; None if it is unknown."""
        ...

    def waiting(self, entity: str) -> int:
        """Return how many events of an entity wait for their turn in the order of event time."""
        ...


Decode = Callable[[list[RawBatch]], list["EventBatch | list[Reject]"]]
MakeTaskStep = Callable[[int], TaskStep]
"""Makes a step for one task; given the number of partitions that share the pipeline's budgets."""
Publish = Callable[[Any], list[Record]]


class StepPlugin(Protocol):
    """What an entry point in `pynomaly.steps` names: a function from the pipeline to the step."""

    def __call__(self, pipeline: Pipeline, context: RunContext) -> Callable[..., Any]:
        """Return what the dataflow calls: one of the forms above."""
        ...


class FormatPlugin(Format, Protocol):
    """What an entry point in `pynomaly.formats` names: a class.

    Args:
        settings: as the pipeline file has them.
        text_fields: names of the outermost fields that the mapping reads as texts; a format of
            texts must not convert them.
    """

    Settings: type[Settings]

    def __init__(self, settings: Any, text_fields: frozenset[str]) -> None: ...


class BrokerPlugin(Protocol):
    """What an entry point in `pynomaly.brokers` names: a broker that lives in this process."""

    bootstrap: str

    def __enter__(self) -> BrokerPlugin: ...

    def __exit__(self, *_: object) -> None: ...

    def create_topic(self, name: str, partitions: int = 1) -> None:
        """Create a topic."""
        ...

    def send(self, topic: str, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Queue messages; waits while the queue is full."""
        ...

    def flush(self) -> None:
        """Wait until all that was sent has arrived."""
        ...

    def read(self, topic: str, at_most: int = 10_000) -> list[bytes]:
        """Return payloads that arrived in a topic since the last call."""
        ...
