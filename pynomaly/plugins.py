"""All that a plug-in may import: of a source, a sink, a detector, a step or a format.

A plug-in is a class or a function that an installed package names in its entry points:

    [project.entry-points."pynomaly.sources"]
    sqlite = "pynomaly_sqlite.source:SqliteSource"

The groups are `pynomaly.sources`, `pynomaly.sinks`, `pynomaly.detectors`, `pynomaly.steps` and
`pynomaly.formats`. The plug-ins of Pynomaly itself are loaded the same way, and import from here
and from `engine.domain`.
`docs/plugins.md` is a guide; `examples/plugin` is a complete package.
"""

from __future__ import annotations

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from engine.application.config.issues import invalid
from engine.application.config.quantity import Duration, PositiveDuration, Rate, Size
from engine.application.config.substitution import Secret
from engine.application.config.url import is_in_the_clear, is_loopback, public_url
from engine.application.conformance import check_detector, run_checks
from engine.application.control.ingest import ingest
from engine.application.control_ports import NotAtOnceError, StoreGeneration, UnitOfWork
from engine.application.discovery_port import Target as DiscoveredTarget
from engine.application.ports import (
    Decode,
    FormatPlugin,
    MakeTaskStep,
    Publish,
    Rereadable,
    RunContext,
    Settings,
    SinkPlugin,
    SourcePlugin,
    StepPlugin,
    TaskStep,
)
from engine.application.state.store import Checkpoint, Json, StateStore, StoredTask
from engine.application.state.trust import require_trusted
from engine.application.telemetry.metrics import Telemetry, no_telemetry
from engine.application.telemetry.redaction import Redactor
from engine.domain.anomaly import Anomaly
from engine.domain.batch import (
    NO_TIME,
    Bools,
    EventBatch,
    Floats,
    Headers,
    Int32s,
    Int64s,
    Objects,
    RawBatch,
    ScoredBatch,
)
from engine.domain.detector import (
    Bank,
    Declaration,
    Detector,
    DetectorFamily,
    ExplainingBank,
    ExplainingDetector,
    Parameter,
    SnapshotForm,
    State,
    TimedBank,
)
from engine.domain.errors import (
    ConnectorError,
    FatalError,
    ParameterError,
    PynomalyError,
    RetryableError,
    Shutdown,
    SnapshotError,
    TasksLostError,
    UnknownNameError,
    nearest,
)
from engine.domain.explanation import Explanation
from engine.domain.finding import Finding
from engine.domain.format import ColumnFormat, Columns, Format, FormatError, MappedFormat
from engine.domain.pipeline import Pipeline
from engine.domain.record import Record
from engine.domain.reject import Reject, RejectReason

__all__ = [
    "NO_TIME",
    "Anomaly",
    "Bank",
    "Bools",
    "Checkpoint",
    "ColumnFormat",
    "Columns",
    "ConnectorError",
    "Declaration",
    "Decode",
    "Detector",
    "DetectorFamily",
    "DiscoveredTarget",
    "Duration",
    "EventBatch",
    "ExplainingBank",
    "ExplainingDetector",
    "Explanation",
    "FatalError",
    "Finding",
    "FixedPartitionedSink",
    "FixedPartitionedSource",
    "Floats",
    "Format",
    "FormatError",
    "FormatPlugin",
    "Headers",
    "Int32s",
    "Int64s",
    "Json",
    "MakeTaskStep",
    "MappedFormat",
    "NotAtOnceError",
    "Objects",
    "Parameter",
    "ParameterError",
    "Pipeline",
    "PositiveDuration",
    "Publish",
    "PynomalyError",
    "Rate",
    "RawBatch",
    "Record",
    "Redactor",
    "Reject",
    "RejectReason",
    "Rereadable",
    "RetryableError",
    "RunContext",
    "ScoredBatch",
    "Secret",
    "Settings",
    "Shutdown",
    "SinkPlugin",
    "Size",
    "SnapshotError",
    "SnapshotForm",
    "SourcePlugin",
    "State",
    "StateStore",
    "StatefulSinkPartition",
    "StatefulSourcePartition",
    "StepPlugin",
    "StoreGeneration",
    "StoredTask",
    "TaskStep",
    "TasksLostError",
    "Telemetry",
    "TimedBank",
    "UnitOfWork",
    "UnknownNameError",
    "check_detector",
    "ingest",
    "invalid",
    "is_in_the_clear",
    "is_loopback",
    "nearest",
    "no_telemetry",
    "public_url",
    "require_trusted",
    "run_checks",
]
