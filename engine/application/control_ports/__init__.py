"""The ports of the control plane: repositories and the unit of work, implemented by a store."""

from __future__ import annotations

from engine.application.control_ports.bookkeeping import (
    FeedRepository,
    PositionRepository,
    ReplyRepository,
)
from engine.application.control_ports.findings import (
    AnomalyRepository,
    IncidentRepository,
    LaneRepository,
    SeriesRepository,
)
from engine.application.control_ports.people import (
    AuditRepository,
    SecretRepository,
    SessionRepository,
    TokenRepository,
    UserRepository,
)
from engine.application.control_ports.pipelines import (
    BacktestRepository,
    DatasetRepository,
    PipelineRepository,
)
from engine.application.control_ports.store import (
    NotAtOnceError,
    Store,
    StoreGeneration,
    UnitOfWork,
)

__all__ = [
    "AnomalyRepository",
    "AuditRepository",
    "BacktestRepository",
    "DatasetRepository",
    "FeedRepository",
    "IncidentRepository",
    "LaneRepository",
    "NotAtOnceError",
    "PipelineRepository",
    "PositionRepository",
    "ReplyRepository",
    "SecretRepository",
    "SeriesRepository",
    "SessionRepository",
    "Store",
    "StoreGeneration",
    "TokenRepository",
    "UnitOfWork",
    "UserRepository",
]
