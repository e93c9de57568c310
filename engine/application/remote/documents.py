"""What the server sends, as typed dictionaries; docs/openapi.json describes all of it."""

from __future__ import annotations

from typing import Any, TypedDict


class Incident(TypedDict):
    """An incident: what its pipeline says of it, and what people made of it."""

    id: str
    pipeline: str
    entity: str
    began: str
    last: str
    severity: str
    count: int
    summary: str
    state: str
    status: str
    assignee: str | None
    revision: int
    story: str | None
    record: dict[str, Any] | None


class Change(TypedDict):
    """A change of an incident, and its author."""

    time: str
    actor: str
    action: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str


class Pipeline(TypedDict):
    """A version of a pipeline."""

    name: str
    number: int
    digest: str
    author: str
    created: str
    reason: str


class Run(TypedDict):
    """The last run of a pipeline."""

    pipeline: str
    number: int
    digest: str
    state: str
    started: str
    process: int
    exit_code: int | None


class RunStatus(Run):
    """A run with its health; `ready` is null where it does not run, or is not known."""

    ready: bool | None
    reasons: list[str]
    totals: dict[str, float]


class TakenOver(TypedDict):
    """A pipeline that was taken from a server that is away."""

    pipeline: str
    server: str
    last_heard: str


class Backtest(TypedDict):
    """A version of a pipeline run over data of the past."""

    id: str
    pipeline: str
    number: int
    digest: str
    source: dict[str, Any]
    author: str
    created: str
    stage: str
    started: str | None
    ended: str | None
    found: dict[str, int] | None
    error: str | None


class Dataset(TypedDict):
    """A source and its mapping, by name."""

    name: str
    author: str
    changed: str
    revision: int
    source: dict[str, Any]
    event: dict[str, Any]


class Reason(TypedDict):
    """Dead letters of one reason, with masked samples."""

    reason: str
    count: int
    details: list[dict[str, Any]]
    samples: list[dict[str, Any]]


class Redriven(TypedDict):
    """Dead letters that were sent back to a topic, and what became of the others."""

    topic: str
    sent: int
    accepted: int
    passed_over: int
    truncated: int
    refused: list[Reason]


class Comment(TypedDict):
    """A comment on an incident."""

    id: str
    author: str
    time: str
    text: str


class Control(TypedDict):
    """A control record; `fields` are those of the control log."""

    id: str
    kind: str
    who: str
    when: str
    why: str
    request: str | None
    fields: dict[str, Any]


class SilencePreview(TypedDict):
    """How many of the last anomalies a silence would have muted, and which."""

    muted: int
    last: int
    anomalies: list[str]


class FeedbackPreview(TypedDict):
    """How many of the last anomalies would not have alerted after feedback."""

    muted: int
    last: int
    needs: float


class User(TypedDict):
    """A user."""

    name: str
    role: str
    grants: dict[str, str]
    disabled: bool
    created: str
    revision: int


class Token(TypedDict):
    """A token, without its secret."""

    id: str
    user: str
    name: str
    kind: str
    role: str
    created: str
    expires: str
    revoked: str | None


class NewToken(Token):
    """A token that was just made, with its secret."""

    token: str
