"""A client of the REST API of `pynomaly serve`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlsplit
from uuid import uuid4

from engine.application.config.url import is_loopback
from engine.application.remote.archives import HEADERS, parts_of, write_reply
from engine.application.remote.backtest_requests import BacktestRequests
from engine.application.remote.control_requests import ControlRequests
from engine.application.remote.data_requests import DataRequests
from engine.application.remote.errors import error_of
from engine.application.remote.identity_requests import IdentityRequests
from engine.application.remote.incident_requests import IncidentRequests
from engine.application.remote.pipeline_requests import PipelineRequests
from engine.domain.errors import FatalError, RetryableError

if TYPE_CHECKING:
    pass

PREFIX = "/api/v1"
SECONDS = 60.0


class Client(
    IncidentRequests,
    PipelineRequests,
    ControlRequests,
    BacktestRequests,
    DataRequests,
    IdentityRequests,
):
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
                raise error_of(reply)
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
            raise error_of(reply)
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
            raise error_of(reply)
        return reply.json() if reply.content else None

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Turn errors of the connection into RetryableError."""
        import httpx

        try:
            yield
        except httpx.HTTPError as error:
            raise RetryableError(f"{self._server} cannot be reached: {error}") from None
