"""Requests of the client about pipelines: their versions, runs and dead letters."""

from __future__ import annotations

from typing import cast
from urllib.parse import quote

from engine.application.remote.asking import Asking
from engine.application.remote.documents import (
    Pipeline,
    Reason,
    Redriven,
    Run,
    RunStatus,
    TakenOver,
)
from engine.application.remote.errors import RemoteError


class PipelineRequests(Asking):
    """What the client asks about pipelines."""

    def pipelines(self) -> list[Pipeline]:
        """Return the newest version of each pipeline that is stored."""
        return cast("list[Pipeline]", self.ask("GET", "/pipelines")["items"])

    def put_pipeline(self, name: str, text: str, reason: str = "") -> Pipeline:
        """Store a pipeline file as the newest version.

        Raises:
            RemoteError: 422 if it does not fit; the text has line and field of each error.
        """
        body = {"text": text, "reason": reason}
        path = _pipeline(name)
        try:
            return cast("Pipeline", self.ask("PUT", path, body))
        except RemoteError as error:
            if error.status != 428:
                raise
        return cast("Pipeline", self.change("PUT", path, body, None))

    def dead_letters(self, name: str) -> list[Reason]:
        """Return the dead letters of a pipeline by reason, the most frequent first."""
        path = f"{_pipeline(name)}/dead-letters"
        return cast("list[Reason]", self.ask("GET", path)["items"])

    def redrive(self, name: str) -> Redriven:
        """Send dead letters of a pipeline that become events back to its source, each once."""
        path = f"{_pipeline(name)}/dead-letters/redrive"
        return cast("Redriven", self.ask("POST", path))

    def start_pipeline(self, name: str) -> Run:
        """Run the newest version of a pipeline."""
        return cast("Run", self.ask("POST", f"{_pipeline(name)}/start"))

    def stop_pipeline(self, name: str) -> Run:
        """Drain a pipeline."""
        return cast("Run", self.ask("POST", f"{_pipeline(name)}/stop"))

    def restart_pipeline(self, name: str) -> Run:
        """Drain a pipeline, and run its newest version.

        Raises:
            RemoteError: 409 if it has not ended within 30 s.
        """
        return cast("Run", self.ask("POST", f"{_pipeline(name)}/restart"))

    def take_over_pipeline(self, name: str) -> TakenOver:
        """Take a pipeline from a server that is away, which stops its run once it is back.

        Raises:
            RemoteError: 409 if no other server has run it, or that server is not away.
        """
        return cast("TakenOver", self.ask("POST", f"{_pipeline(name)}/take-over"))

    def pipeline_status(self, name: str) -> RunStatus:
        """Return the last run of a pipeline, with its health and counters."""
        return cast("RunStatus", self.ask("GET", f"{_pipeline(name)}/status"))

    def pipeline_log(self, name: str, lines: int = 100) -> list[str]:
        """Return the end of the log of a pipeline's runs."""
        found = self.ask("GET", f"{_pipeline(name)}/log", params={"lines": str(lines)})
        return cast("list[str]", found["lines"])

    def pipeline_versions(self, name: str) -> list[Pipeline]:
        """Return all versions of a pipeline, the newest first."""
        return cast("list[Pipeline]", self.ask("GET", f"{_pipeline(name)}/versions")["items"])

    def pipeline_diff(self, name: str, before: int, after: int | None = None) -> str:
        """Return a unified diff of two versions of a pipeline, up to the newest unless given."""
        params = {"before": str(before)} | ({} if after is None else {"after": str(after)})
        return str(self.ask("GET", f"{_pipeline(name)}/diff", params=params)["diff"])

    def roll_back_pipeline(self, name: str, number: int, reason: str = "") -> Pipeline:
        """Store the text of an earlier version of a pipeline as its newest one."""
        path, params = f"{_pipeline(name)}/rollback", {"number": str(number)}
        found = self.ask("POST", path, {"reason": reason}, params, {"If-Match": "*"})
        return cast("Pipeline", found)


def _pipeline(name: str) -> str:
    return f"/pipelines/{quote(name, safe='')}"
