"""The ports: the interfaces that sources, sinks, stores, formats and steps implement."""

from engine.application.ports.broker import BrokerPlugin
from engine.application.ports.context import RunContext
from engine.application.ports.control_log import ControlLogPlugin
from engine.application.ports.format import FormatPlugin
from engine.application.ports.redrive import RedrivableSource, Redrive
from engine.application.ports.repartition import RepartitionPlugin
from engine.application.ports.settings import Settings
from engine.application.ports.sink import FollowableSink, ReadableSink, RecentSink, SinkPlugin
from engine.application.ports.source import Rereadable, SourcePlugin
from engine.application.ports.state_store import StateStorePlugin
from engine.application.ports.step import (
    Decode,
    EntityReports,
    MakeTaskStep,
    Publish,
    StepPlugin,
    TaskStep,
)

__all__ = [
    "BrokerPlugin",
    "ControlLogPlugin",
    "Decode",
    "EntityReports",
    "FollowableSink",
    "FormatPlugin",
    "MakeTaskStep",
    "Publish",
    "ReadableSink",
    "RecentSink",
    "RedrivableSource",
    "Redrive",
    "RepartitionPlugin",
    "Rereadable",
    "RunContext",
    "Settings",
    "SinkPlugin",
    "SourcePlugin",
    "StateStorePlugin",
    "StepPlugin",
    "TaskStep",
]
