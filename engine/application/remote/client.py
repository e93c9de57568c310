"""A client of the REST API of `pynomaly serve`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import quote, urlsplit
from uuid import uuid4

from engine.application.config.url import is_loopback
from engine.application.remote.archives import HEADERS, parts_of, write_reply
from engine.application.remote.data_requests import DataRequests
from engine.application.remote.documents import (
    Backtest,
    Change,
    Comment,
    Incident,
    Pipeline,
    Reason,
    Redriven,
)
from engine.application.remote.run_requests import RunRequests
from engine.domain.errors import FatalError, RetryableError

if TYPE_CHECKING:
    import httpx

PREFIX = "/api/v1"
SECONDS = 60.0
HANDLINGS = ("acknowledge", "resolve", "suppress", "reopen")


class RemoteError(FatalError):
    """A request that the server has refused.

    Attributes:
        status: of HTTP.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Client(DataRequests, RunRequests):
    """Asks a server; closed by `with`.

    Args:
        server: its address, such as https://pynomaly.example.
        token: of POST /session or POST /tokens.
        plain_http: send the token in the clear to another machine.

    Raises:
        FatalError: the address is none, or the token would cross the network in the clear.
    """

    def __init__(self, server: str, token: str, *, plain_http: bool = False) -> None:
        try:
            import httpx
        except ImportError:
            raise FatalError(
                'the client needs httpx: pip install "pynomaly-engine[client]"'
            ) from None
        parts = urlsplit(server)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise FatalError(f'"{server}": expected an address such as https://pynomaly.example')
        if parts.scheme == "http" and not plain_http and not is_loopback(parts.hostname):
            raise FatalError(
                f"{server}: the token would cross the network in the clear: use https "
                "(in Python, plain_http=True sends it)"
            )
        # The server prints its address with the path of the API.
        self._server = server.rstrip("/").removesuffix("/api/v1")
        self._http = httpx.Client(
            base_url=self._server,
            headers={"Authorization": f"Bearer {token}"},
            timeout=SECONDS,
        )

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Close its connections."""
        self._http.close()

    def incidents(self, **filters: str | None) -> Iterator[Incident]:
        """Yield incidents, the newest first.

        Args:
            filters: pipeline, entity, status, severity, assignee, closed, since, until, story;
                collapse="story": of each story only the incident that began first.
        """
        return cast("Iterator[Incident]", self._items("/incidents", filters))

    def incident(self, incident_id: str) -> Incident:
        """Return an incident."""
        return cast("Incident", self.ask("GET", f"/incidents/{quote(incident_id, safe='')}"))

    def handle_incident(
        self, incident_id: str, how: str, reason: str = "", revision: int | None = None
    ) -> Incident:
        """Acknowledge, resolve, suppress or reopen an incident.

        Args:
            incident_id: its id.
            how: one of HANDLINGS.
            reason: why.
            revision: that was read; None whatever there is.

        Raises:
            RemoteError: 409 if its status does not allow it, 412 if it has changed.
        """
        path = f"/incidents/{quote(incident_id, safe='')}/{how}"
        return cast("Incident", self._change("POST", path, {"reason": reason}, revision))

    def assign_incident(self, incident_id: str, to: str | None, reason: str = "") -> Incident:
        """Assign an incident to a user; None unassigns it."""
        path = f"/incidents/{quote(incident_id, safe='')}/assign"
        body = {"assignee": to, "reason": reason}
        return cast("Incident", self._change("POST", path, body, None))

    def comments(self, incident_id: str) -> list[Comment]:
        """Return the comments on an incident, the oldest first."""
        path = f"/incidents/{quote(incident_id, safe='')}/comments"
        return cast("list[Comment]", self.ask("GET", path)["items"])

    def incident_history(self, incident_id: str) -> list[Change]:
        """Return who changed an incident, when and why, the oldest first."""
        path = f"/incidents/{quote(incident_id, safe='')}/history"
        return cast("list[Change]", self.ask("GET", path)["items"])

    def comment_incident(self, incident_id: str, text: str) -> Comment:
        """Write a comment on an incident."""
        path = f"/incidents/{quote(incident_id, safe='')}/comments"
        return cast("Comment", self.ask("POST", path, {"text": text}))

    def anomalies(self, **filters: str | None) -> Iterator[Mapping[str, Any]]:
        """Yield anomalies as they were published, the newest first.

        Args:
            filters: pipeline, entity, incident, kind, severity, since, until.
        """
        return self._items("/anomalies", filters)

    def pipelines(self) -> list[Pipeline]:
        """Return the newest version of each pipeline that is stored."""
        return cast("list[Pipeline]", self.ask("GET", "/pipelines")["items"])

    def put_pipeline(self, name: str, text: str, reason: str = "") -> Pipeline:
        """Store a pipeline file as the newest version.

        Raises:
            RemoteError: 422 if it does not fit; the text has line and field of each error.
        """
        body = {"text": text, "reason": reason}
        path = f"/pipelines/{quote(name, safe='')}"
        try:
            return cast("Pipeline", self.ask("PUT", path, body))
        except RemoteError as error:
            if error.status != 428:
                raise
        return cast("Pipeline", self._change("PUT", path, body, None))

    def dead_letters(self, name: str) -> list[Reason]:
        """Return the dead letters of a pipeline by reason, the most frequent first."""
        path = f"/pipelines/{quote(name, safe='')}/dead-letters"
        return cast("list[Reason]", self.ask("GET", path)["items"])

    def redrive(self, name: str) -> Redriven:
        """Send dead letters of a pipeline that become events back to its source, each once."""
        path = f"/pipelines/{quote(name, safe='')}/dead-letters/redrive"
        return cast("Redriven", self.ask("POST", path))

    def start_backtest(
        self, pipeline: str, source: Mapping[str, Any], number: int | None = None
    ) -> Backtest:
        """Queue a backtest of a version of a pipeline, the newest unless a number is given.

        Args:
            pipeline: its name.
            source: where the data is, as in a pipeline file.
            number: of the version.
        """
        body = {"pipeline": pipeline, "source": source, "number": number}
        return cast("Backtest", self.ask("POST", "/backtests", body))

    def backtest(self, backtest_id: str) -> Backtest:
        """Return a backtest: how far it is, and what it found."""
        return cast("Backtest", self.ask("GET", f"/backtests/{quote(backtest_id, safe='')}"))

    def backtests(self, **filters: str | None) -> Iterator[Backtest]:
        """Yield backtests, the newest first.

        Args:
            filters: pipeline.
        """
        return cast("Iterator[Backtest]", self._items("/backtests", filters))

    def cancel_backtest(self, backtest_id: str) -> Backtest:
        """Cancel a backtest.

        Raises:
            RemoteError: 409 where it is over.
        """
        path = f"/backtests/{quote(backtest_id, safe='')}/cancel"
        return cast("Backtest", self.ask("POST", path))

    def compare_backtests(self, before: str, after: str) -> Mapping[str, Any]:
        """Return how what two backtests found differs."""
        path = f"/backtests/{quote(after, safe='')}/comparison"
        return cast("Mapping[str, Any]", self.ask("GET", path, params={"before": before}))

    def export_state(self, pipeline: str, archive: Path) -> int:
        """Write the state of a pipeline that does not run into a new file; return its bytes.

        Raises:
            FatalError: the file is there already, or cannot be written.
            RemoteError: 409 if the pipeline runs, or has no state.
        """
        path = f"{PREFIX}/pipelines/{quote(pipeline, safe='')}/state/export"
        with self._failing(), self._http.stream("GET", path) as reply:
            if reply.status_code >= 400:
                reply.read()
                raise _error(reply)
            return write_reply(reply, archive)

    def import_state(self, pipeline: str, archive: Path) -> int:
        """Restore the state of a pipeline that has none; return its bytes.

        Raises:
            FatalError: the archive cannot be read.
            RemoteError: 409 if there is state already, or the archive is none.
        """
        path = f"{PREFIX}/pipelines/{quote(pipeline, safe='')}/state/import"
        with self._failing():
            reply = self._http.post(path, content=parts_of(archive), headers=HEADERS)
        if reply.status_code >= 400:
            raise _error(reply)
        return int(reply.json()["bytes"])

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send a request to an endpoint below /api/v1, and return the document of the reply.

        Raises:
            RemoteError: it was refused.
            RetryableError: the server cannot be reached, or cannot work now.
        """
        sent = dict(headers or {})
        if method == "POST":
            # Safe to send again, for whatever is between here and the server.
            sent["Idempotency-Key"] = uuid4().hex
        with self._failing():
            reply = self._http.request(
                method, f"{PREFIX}{path}", json=body, params=params, headers=sent
            )
        if reply.status_code >= 400:
            raise _error(reply)
        return reply.json() if reply.content else None

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Turn errors of the connection into RetryableError."""
        import httpx

        try:
            yield
        except httpx.HTTPError as error:
            raise RetryableError(f"{self._server} cannot be reached: {error}") from None

    def _change(self, method: str, path: str, body: object, revision: int | None) -> Any:
        seen = "*" if revision is None else f'"{revision}"'
        return self.ask(method, path, body, headers={"If-Match": seen})

    def _items(self, path: str, filters: Mapping[str, str | None]) -> Iterator[Any]:
        params = {name: value for name, value in filters.items() if value is not None}
        while True:
            page = self.ask("GET", path, params=params)
            yield from page["items"]
            if page["next"] is None:
                return
            params["cursor"] = page["next"]


def _error(reply: httpx.Response) -> Exception:
    try:
        problem = reply.json()
        text = str(problem["detail"])
        errors = problem.get("errors") or ()
        lines = [f"{_place(one)}: {one['detail']}" for one in errors if one["detail"] != text]
    except (ValueError, TypeError, KeyError):
        text, lines = f"the reply is not in this API's error format (HTTP {reply.status_code})", []
    message = "\n".join([text, *lines])
    return (
        RetryableError(message)
        if reply.status_code == 503
        else RemoteError(reply.status_code, message)
    )


def _place(error: Mapping[str, Any]) -> str:
    line = error.get("line")
    return f"{error['pointer']}" if line is None else f"line {line}, {error['pointer']}"
