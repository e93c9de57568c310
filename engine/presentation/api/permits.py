"""What each endpoint needs, checked before anything else of a request is looked at.

The use cases check the same, and more: what depends on the body, or on what is stored. Who may not
use an endpoint at all is refused before its parameters are, and learns nothing of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.application.control.caller import Caller
from engine.application.control.permissions import Action, require, require_somewhere

PREFIX = "/api/v1"
OPEN = frozenset(
    [
        "POST /session",
        "POST /session/refresh",
        "GET /session/oidc",
        "GET /session/oidc/callback",
        "GET /jwks.json",
        # The index of the API.
        "GET ",
    ]
)
"""Endpoints without a token."""
IN_PIPELINE = "/pipelines/{pipeline}"
ON_PIPELINE: Mapping[Action, str] = {
    Action.READ: "GET, GET/entities, GET/lanes, GET/series, GET/nearest, GET/versions, GET/diff, "
    "GET/status, GET/control, POST/control/preview, POST/feedback/preview, GET/dead-letters, "
    "GET/alert-rules, GET/explain",
    Action.CHECK_PIPELINES: "POST/dead-letters/try",
    Action.CHANGE_PIPELINES: "PUT, DELETE, POST/rollback",
    Action.RUN_PIPELINES: "POST/start, POST/stop, POST/restart, POST/take-over, GET/log, GET/state",
    Action.CONTROL_PIPELINES: "POST/control, DELETE/control/{record_id}, POST/feedback",
    Action.REDRIVE: "POST/dead-letters/redrive",
    Action.MANAGE_STATE: "GET/state/export, POST/state/import, POST/state/revert",
}
"""Of the pipeline in the path."""
SOMEWHERE: Mapping[Action, str] = {
    Action.READ: "GET/anomalies, GET/anomalies/export, GET/anomalies/{anomaly_id}, GET/incidents, "
    "GET/incidents/export, GET/incidents/{incident_id}, GET/incidents/{incident_id}/comments, "
    "GET/incidents/{incident_id}/history, "
    "GET/stream, GET/pipelines, GET/backtests, GET/backtests/{backtest_id}, "
    "GET/backtests/{backtest_id}/anomalies, GET/backtests/{backtest_id}/comparison, GET/detectors",
    Action.HANDLE_INCIDENTS: "POST/incidents/{incident_id}/acknowledge, "
    "POST/incidents/{incident_id}/resolve, POST/incidents/{incident_id}/suppress, "
    "POST/incidents/{incident_id}/reopen, POST/incidents/{incident_id}/assign, "
    "POST/incidents/{incident_id}/comments",
    Action.CHECK_PIPELINES: "POST/pipelines/validate",
    Action.BACKTEST: "POST/backtests, POST/backtests/{backtest_id}/cancel",
}
"""On any pipeline."""
EVERYWHERE: Mapping[Action, str] = {
    Action.READ: "GET/datasets, GET/datasets/{dataset}, GET/targets",
    Action.CHANGE_DATASETS: "PUT/datasets/{dataset}, DELETE/datasets/{dataset}, "
    "GET/datasets/{dataset}/sample, POST/datasets/suggest",
    Action.MANAGE_USERS: "GET/users, POST/users, GET/users/{name}, PATCH/users/{name}, "
    "DELETE/users/{name}/totp",
    Action.READ_AUDIT: "GET/audit, GET/audit/state",
}
"""On all pipelines."""


@dataclass(frozen=True, slots=True)
class Permit:
    """What an endpoint needs.

    Attributes:
        action: what it does; None: what everybody may who has a token.
        everywhere: whether on all pipelines, unless a pipeline is in the path.
    """

    action: Action | None = None
    everywhere: bool = False

    def check(self, caller: Caller, path: Mapping[str, str]) -> None:
        """Refuse who may not use the endpoint.

        Args:
            caller: who asks.
            path: the parameters of the path.

        Raises:
            ForbiddenError: the role of the caller does not allow it.
        """
        if self.action is None:
            return
        if self.everywhere or "pipeline" in path:
            require(caller, self.action, path.get("pipeline"))
        else:
            require_somewhere(caller, self.action)


def permit_of(method: str, path: str) -> Permit | None:
    """Return what an endpoint needs; None if it takes no token.

    Args:
        method: of HTTP.
        path: with the names of its parameters, with or without the prefix.
    """
    endpoint = f"{method} {path.removeprefix(PREFIX)}"
    return None if endpoint in OPEN else PERMITS.get(endpoint, Permit())


def _permits() -> Iterator[tuple[str, Permit]]:
    for table, within, everywhere in (
        (ON_PIPELINE, IN_PIPELINE, False),
        (SOMEWHERE, "", False),
        (EVERYWHERE, "", True),
    ):
        for action, endpoints in table.items():
            for endpoint in endpoints.split(", "):
                method, slash, rest = endpoint.partition("/")
                yield f"{method} {within}{slash}{rest}", Permit(action, everywhere)


PERMITS = dict(_permits())
"""What endpoints need that not everybody may use."""
