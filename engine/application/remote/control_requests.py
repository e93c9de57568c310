"""Requests of the client about the live control of pipelines: silences, feedback and the like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

from engine.application.remote.asking import Asking
from engine.application.remote.documents import Control, FeedbackPreview, SilencePreview


class ControlRequests(Asking):
    """What the client asks about the live control of pipelines."""

    def control_records(self, pipeline: str, *, past: bool = False) -> list[Control]:
        """Return the control records in force; with `past` all that were ever written."""
        params = {"past": str(past).lower()}
        found = self.ask("GET", f"{_pipeline(pipeline)}/control", params=params)
        return cast("list[Control]", found["items"])

    def control_pipeline(
        self, pipeline: str, kind: str, fields: Mapping[str, Any], why: str = ""
    ) -> Control:
        """Write a control record.

        Args:
            pipeline: its name.
            kind: silence, pause, rule, budget, reset or forget.
            fields: of the record, as in the control log.
            why: for people who read it later.

        Raises:
            RemoteError: 409 if it does not fit the pipeline.
        """
        body = {kind: dict(fields), "why": why}
        return cast("Control", self.ask("POST", f"{_pipeline(pipeline)}/control", body))

    def preview_silence(
        self, pipeline: str, fields: Mapping[str, Any], last: int = 30
    ) -> SilencePreview:
        """Return which of the last anomalies a silence would have muted."""
        path, params = f"{_pipeline(pipeline)}/control/preview", {"last": str(last)}
        return cast("SilencePreview", self.ask("POST", path, dict(fields), params))

    def revoke_control(self, pipeline: str, record_id: str, why: str = "") -> Control:
        """Take back a control record that is in force."""
        path = f"{_pipeline(pipeline)}/control/{quote(record_id, safe='')}"
        return cast("Control", self.ask("DELETE", path, params={"why": why}))

    def give_feedback(self, pipeline: str, feedback: Mapping[str, Any]) -> Control:
        """Mark an alarm as false or true: similar ones then need more evidence, or less.

        Args:
            pipeline: its name.
            feedback: anomaly (id of an anomaly or incident), verdict (false_alarm or
                true_alarm), scope, entities, why.
        """
        path = f"{_pipeline(pipeline)}/feedback"
        return cast("Control", self.ask("POST", path, dict(feedback)))

    def preview_feedback(
        self, pipeline: str, feedback: Mapping[str, Any], last: int = 30
    ) -> FeedbackPreview:
        """Return the effect that feedback would have."""
        path, params = f"{_pipeline(pipeline)}/feedback/preview", {"last": str(last)}
        return cast("FeedbackPreview", self.ask("POST", path, dict(feedback), params))


def _pipeline(name: str) -> str:
    return f"/pipelines/{quote(name, safe='')}"
