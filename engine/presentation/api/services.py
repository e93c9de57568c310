"""The services that endpoints use."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends, Request
from pwdlib import PasswordHash

from engine.application.config.pipeline_file import PipelineFile
from engine.application.control.caller import Caller
from engine.application.control.local_runner import LocalRunner
from engine.application.control.one_time_codes import OneTimeCodes
from engine.application.control.permissions import Action, require
from engine.application.control.pipeline_directory import PipelineDirectory
from engine.application.control.rate_limits import RateLimits
from engine.application.control.run_pipelines import Runner
from engine.application.control.secret_box import SecretBox
from engine.application.control_ports import Store
from engine.application.discovery_port import Discovery
from engine.application.telemetry.server_metrics import ServerMetrics
from engine.presentation.api.access_tokens import AccessTokens
from engine.presentation.api.generations import Generations
from engine.presentation.api.live_feed import LiveFeed
from engine.presentation.api.one_at_a_time import OneAtATime
from engine.presentation.api.problems import TooManyRequestsError
from engine.presentation.api.read_cache import ReadCache
from engine.presentation.command import RUN

if TYPE_CHECKING:
    from engine.presentation.api.provider import Provider

MOST_HASHES = 4
"""Hashes computed at once: each needs 64 MiB."""


class Argon2:
    """Passwords hashed by argon2id, few at a time."""

    def __init__(self) -> None:
        self._turn = BoundedSemaphore(MOST_HASHES)
        self._hash = PasswordHash.recommended()
        self._nobody = self._hash.hash("of a user that is not there")

    def hash(self, password: str) -> str:
        """Return the hash of a password."""
        with self._turn:
            return self._hash.hash(password)

    def fingerprint(self, password: str, salt: str) -> str:
        """Return what is the same for the same password and salt, and as hard to guess."""
        own = sha256(salt.encode()).digest()[:16]
        with self._turn:
            return self._hash.hash(password, salt=own)

    def verify(self, password: str, hashed: str | None) -> bool:
        """Return whether the password matches; takes equally long without a hash."""
        with self._turn:
            right = self._hash.verify(password, hashed or self._nobody)
        return right and hashed is not None


@dataclass(frozen=True)
class Services:
    """The services that endpoints use.

    Attributes:
        store: keeps everything.
        passwords: hashes and compares.
        limits: of logins and requests.
        now: returns the time in ns since 1970.
        live: the live feed.
        runner: runs pipelines of the store.
        pipelines: the pipeline files that the server knows.
        metrics: the metrics of this server.
        discoveries: find pipelines that others run.
        box: encrypts the secrets in the store.
        access: issues and reads access tokens.
        codes: the one-time codes of users.
        generations: of the store.
        reads: what is kept of reads in one generation.
        restarts: of pipelines, one at a time each.
        provider: the identity provider; None: passwords alone.
    """

    store: Store
    passwords: Argon2 = field(default_factory=Argon2)
    limits: RateLimits = field(default_factory=RateLimits)
    now: Callable[[], int] = time.time_ns
    live: LiveFeed = field(default_factory=LiveFeed)
    pipelines: PipelineDirectory = field(default_factory=PipelineDirectory)
    runner: Runner = field(default_factory=lambda: LocalRunner(Path(), RUN))
    metrics: ServerMetrics = field(default_factory=ServerMetrics)
    discoveries: Sequence[Discovery] = ()
    box: SecretBox = field(default_factory=SecretBox.of_chance)
    access: AccessTokens = field(init=False)
    codes: OneTimeCodes = field(init=False)
    generations: Generations = field(init=False)
    reads: ReadCache = field(init=False)
    restarts: OneAtATime = field(default_factory=OneAtATime)
    provider: Provider | None = None

    def __post_init__(self) -> None:
        """Create the services that depend on others."""
        object.__setattr__(self, "access", AccessTokens(self.store, self.box))
        object.__setattr__(self, "codes", OneTimeCodes(self.box))
        object.__setattr__(self, "generations", Generations(self.store))
        object.__setattr__(self, "reads", ReadCache(self.metrics.count_cached))

    def pipeline(self, caller: Caller, name: str, action: Action = Action.READ) -> PipelineFile:
        """Return the file of a pipeline, for who may do something with it.

        Raises:
            ForbiddenError: the caller may not, whether there is one of this name or not.
            NotFoundError: the server knows none of this name.
        """
        require(caller, action, name)
        return self.pipelines.open(name)

    def limited(self, limit: str, seconds: float) -> None:
        """Refuse a request beyond a limit.

        Args:
            limit: its name.
            seconds: the time to wait; 0 accepts the request.

        Raises:
            TooManyRequestsError: the wait is not 0.
        """
        if seconds:
            self.metrics.limited.labels(limit).inc()
            raise TooManyRequestsError(limit, seconds)


# async because it does not block: otherwise each call would use a thread.
async def services_of(request: Request) -> Services:
    """Return the services of the application."""
    return cast("Services", request.app.state.services)


def address_of(request: Request) -> str:
    """Return the client address of a request."""
    return request.client.host if request.client else "unknown"


WithServices = Annotated[Services, Depends(services_of)]
