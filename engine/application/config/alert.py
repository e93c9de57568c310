"""The alert policy: a budget, a p-value, a share of false alarms, or a raw score."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, model_validator

from engine.application.config.issues import invalid
from engine.application.config.quantity import PositiveDuration, Rate
from engine.application.ports import Settings
from engine.domain.alert_policy import (
    AlertPolicy,
    Budget,
    FalseDiscoveryRate,
    PValueThreshold,
    ScoreThreshold,
)


class ScoreSpec(Settings):
    """A threshold for the raw score of one detector."""

    detector: str
    """Name of one of the pipeline's detectors."""
    above: float = Field(allow_inf_nan=False)
    """Scores above this become anomalies; in the detector's own unit."""


class AlertSpec(Settings):
    """Which events become anomalies: exactly one of budget, p_value, fdr and score."""

    budget: Rate | None = Field(default=None, json_schema_extra={"default": "10/day"})
    """False alarms accepted on normal data, such as 2/day, 1/hour or 3/week."""
    p_value: float | None = Field(default=None, gt=0, lt=1)
    """Alert if the combined p-value is at most this."""
    fdr: float | None = Field(default=None, gt=0, lt=1)
    """False alarms accepted as a share of the incidents of all entities, such as 0.1."""
    score: ScoreSpec | None = None
    """Alert if one detector's raw score is above a number."""
    per: Literal["entity", "pipeline"] = "pipeline"
    """Who has the budget: the whole pipeline, or each entity."""
    incident_gap: PositiveDuration = Field(
        default=timedelta(minutes=30), json_schema_extra={"default": "30m"}
    )
    """Anomalies of one entity closer than this, or than 20 of its usual gaps between events, belong
    to one incident."""

    group_by: str | None = None
    """A part of event.key, as it is written there: incidents of entities that have it in common
    and overlap in time form a story; the incidents sink shows it."""
    context: int = Field(default=0, ge=0, le=1_024)
    """So many of the last values of the value to blame are shown beside an anomaly, such as 32; an
    entity takes 8 bytes for each, and for each of its values."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        names = ("budget", "p_value", "fdr", "score")
        given = [name for name in names if getattr(self, name) is not None]
        if len(given) > 1:
            raise invalid(
                f"expected only one of budget, p_value, fdr and score, found {' and '.join(given)}"
            )
        if given not in ([], ["budget"]) and "per" in self.model_fields_set:
            raise invalid(f"only a budget is per entity or per pipeline, found {given[0]}", "per")
        return self

    def policy(self) -> AlertPolicy:
        """Return the policy in the domain's words; the default is a budget of 10 a day."""
        if self.p_value is not None:
            return PValueThreshold(self.p_value)
        if self.fdr is not None:
            return FalseDiscoveryRate(self.fdr)
        if self.score is not None:
            return ScoreThreshold(self.score.detector, self.score.above)
        return Budget(10.0 if self.budget is None else self.budget, self.per)
