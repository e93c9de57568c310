"""alert: decides which scored events become anomalies, and which incident they belong to."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from engine.domain import snapshot
from engine.domain.absence import Absence
from engine.domain.alert_policy import (
    Budget,
    FalseDiscoveryRate,
    PValueThreshold,
    ScoreThreshold,
)
from engine.domain.anomaly import Anomaly
from engine.domain.batch import Floats, ScoredBatch
from engine.domain.control_change import ControlChange
from engine.domain.detector import State
from engine.domain.incident import IncidentEvent
from engine.domain.kinds import RULE_KINDS
from engine.domain.pipeline import Pipeline
from engine.domain.time_units import NS_PER_DAY
from operators.alert.absences import absent_entity, anomaly_of, mute_of
from operators.alert.budget_gauge import BudgetGauge
from operators.alert.drafts import Drafter, blamed, with_context
from operators.alert.entity_rules import EntityRules
from operators.alert.event_rate import EventRate
from operators.alert.finding import Finding, is_onset
from operators.alert.incident_tracker import IncidentTracker
from operators.alert.judged import Judgement
from operators.alert.muted_absences import MutedAbsences
from operators.alert.online_fdr import Mark, OnlineFdr, mark_of
from operators.silences import Mute, Silences
from pynomaly.plugins import MakeTaskStep, RunContext, Telemetry, no_telemetry

BY_RANGE, BY_ABSENCE = "valid_range", "absence"
"""Names in the place of a detector, for anomalies that no detector has found."""


def alert_step(pipeline: Pipeline, _context: RunContext) -> MakeTaskStep:
    """Return what makes the step of one task."""
    return lambda partitions: AlertStep(replace(pipeline, partitions=partitions))


class AlertStep:
    """The alert policy of one task, with its open incidents.

    It counts in no metrics until `report_to` is called.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._telemetry = no_telemetry()
        self._gauge = BudgetGauge()
        self._tracker = IncidentTracker(pipeline)
        self._rate = EventRate()
        self._discoveries = OnlineFdr(1 / pipeline.partitions)
        self._drafter = Drafter(pipeline)
        self._silences = Silences(pipeline.silences)
        self._muted = MutedAbsences()
        self._judgement = Judgement()
        self._policy = pipeline.alert
        self._rules = EntityRules(pipeline.rules, pipeline.mapping.value_names)

    def process(self, batches: list[ScoredBatch]) -> list[list[Anomaly] | list[IncidentEvent]]:
        """Return the anomalies of each scored batch that has any, and the events of incidents."""
        found: list[list[Anomaly] | list[IncidentEvent]] = []
        for batch in batches:
            if anomalies := self._anomalies(batch):
                found.append(anomalies)
            if len(batch):
                self._tracker.advance(batch, -1)
            found += self._tracker.take_events()
        return found

    def control(self, change: ControlChange) -> None:
        """Apply control records from the next event on."""
        self._silences = Silences(change.silences_with(self._pipeline.silences))
        self._judgement = Judgement(change.feedback)
        self._policy = change.policy(self._pipeline.alert)
        names = self._pipeline.mapping.value_names
        self._rules = EntityRules(self._pipeline.rules, names, change.rules)
        if isinstance(self._policy, FalseDiscoveryRate):
            # What was judged before is in the state: a restart must not judge it again.
            self._discoveries.follow(change.judged, self._policy.share)
        if self._tracker.progress:
            self._muted.review(self._tracker.progress, self._is_muted)

    def _is_muted(self, entity: str, absence: Absence, time: int) -> bool:
        return mute_of(self._silences, entity, absence, time) is not None

    def quiet(self, seconds: float) -> list[list[IncidentEvent]]:
        """Return events of incidents after a time without any event."""
        self._tracker.quiet(seconds)
        return self._tracker.take_events()

    def report_to(self, telemetry: Telemetry) -> None:
        """Count in these metrics from now on."""
        self._telemetry = telemetry
        self._gauge.report_to(telemetry)

    def leave(self) -> None:
        """Remove the rate of events from the metrics; counters keep their values."""
        self._gauge.report_to(no_telemetry())

    def dump(self) -> bytes:
        """Return open incidents, the task's rate and its discoveries as versioned bytes."""
        parts: State = {
            **self._tracker.dump(),
            "muted": self._muted.dump(),
            "rate": self._rate.dump(),
            **self._discoveries.dump(),
        }
        return snapshot.encode("alert", parts)

    def restore(self, stored: bytes) -> None:
        """Restore what `dump` returned.

        Raises:
            SnapshotError: it is corrupt or of another kind.
        """
        parts = snapshot.decode("alert", stored)
        self._tracker.load(parts)
        self._rate.load(np.asarray(parts["rate"]))
        # Absent in the state of earlier releases.
        if "muted" in parts:
            self._muted.load(bytes(parts["muted"]))
        if "discoveries" in parts:
            self._discoveries.load(parts)

    def _anomalies(self, batch: ScoredBatch) -> list[Anomaly]:
        policy = self._policy
        if isinstance(policy, FalseDiscoveryRate):
            return self._discover(policy, batch)
        if isinstance(policy, ScoreThreshold):
            column = self._pipeline.detector_names.index(policy.detector)
            thresholds = np.full(len(batch), np.nan)
            flags = policy.flags(batch.scores[:, column])
            self._gauge.observe(batch, thresholds[:0])
        else:
            thresholds = self._thresholds(policy, batch)
            # NaN, a warm-up, is never below a threshold.
            flags = batch.p_value <= thresholds
            in_force = thresholds[~np.isnan(batch.p_value)]
            self._telemetry.expected.inc(float(in_force.sum()))
            self._gauge.observe(batch, in_force)
        outside = set(self._rules.outside(batch.events))
        more = self._judgement.candidates(batch, thresholds)
        candidates = flags if more is None else flags | more
        rows = sorted({*np.flatnonzero(candidates).tolist(), *outside})
        waiting = self._muted.joined(batch)
        found: list[Finding] = []
        for row in rows:
            found += self._absences(batch, waiting, row)
            one = self._judged(batch, row, float(thresholds[row]), row in outside)
            found += [] if one is None else [one]
        found += self._absences(batch, waiting, len(batch))
        if isinstance(policy, Budget | PValueThreshold):
            self._count_onsets([one.anomaly for one in found])
        # A budget counts messages: within an incident only news are published.
        sent = [one for one in found if one.is_news or not isinstance(policy, Budget)]
        self._telemetry.suppressed.inc(len(found) - len(sent))
        return [self._counted(one) for one in sent]

    def _discover(self, policy: FalseDiscoveryRate, batch: ScoredBatch) -> list[Anomaly]:
        """Return the discoveries; an incident counts as one, however long it lasts."""
        found: list[Anomaly] = []
        outside = deque(self._rules.outside(batch.events))
        waiting = self._muted.joined(batch)

        def judge(row: int, level: float, *, out: bool) -> Mark | None:
            found.extend(map(self._counted, self._absences(batch, waiting, row)))
            one = self._judged(batch, row, level, out)
            if one is None:
                return None
            found.append(self._counted(one))
            return mark_of(one.anomaly.entity, one.anomaly.time) if is_onset(one.anomaly) else None

        def discover(row: int, level: float) -> Mark | None:
            while outside and outside[0] < row:
                judge(outside.popleft(), np.nan, out=True)
            out = bool(outside) and outside[0] == row
            if out:
                outside.popleft()
            return judge(row, level, out=out)

        self._gauge.observe(batch, np.empty(0))
        rates = self._rate.observe(batch.events.times)
        accepted = self._discoveries.test(policy, batch.p_value, rates, discover)
        for row in outside:
            judge(row, np.nan, out=True)
        found.extend(map(self._counted, self._absences(batch, waiting, len(batch))))
        self._telemetry.expected.inc(accepted)
        self._count_onsets(found)
        return found

    def _absences(self, batch: ScoredBatch, waiting: deque[Absence], row: int) -> Iterator[Finding]:
        """Yield the absences that event time shows up to an event; end those that are over."""
        while waiting and waiting[0].row <= row:
            absence = waiting.popleft()
            progress = self._tracker.advance(batch, absence.row)
            entity = absent_entity(batch, absence)
            if absence.is_over:
                self._muted.forget(entity)
                when = absence.since + absence.silence
                self._tracker.release(entity, progress, when)
                continue
            if absence.again and not self._muted.holds(entity, absence):
                continue
            anomaly = anomaly_of(self._pipeline, batch, absence)
            mute = mute_of(self._silences, entity, absence, anomaly.time)
            if mute is not None:
                yield from self._silenced(anomaly, mute, BY_ABSENCE)
                self._muted.add(entity, absence, progress, mute.end(anomaly.time))
                self._muted.join(waiting, batch, entity)
                continue
            self._muted.forget(entity)
            yield self._tracker.place(anomaly, BY_ABSENCE, progress, float(absence.silence))
            self._tracker.hold(entity, progress)

    def _silenced(self, anomaly: Anomaly, mute: Mute, detector: str) -> Iterator[Finding]:
        """Count an anomaly that a silence mutes; yield it if the silence publishes it."""
        self._telemetry.muted.labels("silence").inc()
        if mute.silence.publish:
            yield Finding(replace(anomaly, suppressed_by=mute.silence.name), detector, True)

    def _count_onsets(self, found: list[Anomaly]) -> None:
        """Count the incidents that begin, but for those of rules."""
        onsets = (one for one in found if is_onset(one) and one.kind not in RULE_KINDS)
        self._telemetry.emitted.inc(sum(1 for _ in onsets))

    def _thresholds(self, policy: Budget | PValueThreshold, batch: ScoredBatch) -> Floats:
        """Return the p-value thresholds in force at each event."""
        if isinstance(policy, PValueThreshold):
            return policy.thresholds(batch.rates)
        totals = batch.rates if batch.pipeline_rates is None else batch.pipeline_rates
        return policy.thresholds(batch.rates, totals * self._pipeline.partitions)

    def _judged(
        self, batch: ScoredBatch, row: int, threshold: float, outside: bool
    ) -> Finding | None:
        """Return an anomaly with its place among incidents; None if a rule leaves it out."""
        draft = self._drafter.draft(batch, row, threshold)
        anomaly = draft.anomaly
        rules = self._rules.of(anomaly.entity)
        if outside:
            anomaly = rules.out_of_range(anomaly, batch.events.values[row])
        elif (reason := rules.objection(anomaly)) is not None:
            self._telemetry.muted.labels(reason).inc()
            return None
        else:
            anomaly, is_out = self._judgement.objects(rules.passed(anomaly))
            if is_out:
                # Otherwise only feedback of true alarms could have let it pass.
                usual = anomaly.threshold is None or anomaly.p_value <= anomaly.threshold
                self._telemetry.muted.labels("feedback").inc(usual)
                return None
        rate = float(batch.rates[row])
        usual_gap = NS_PER_DAY / rate if rate > 0 else 0.0
        detector = BY_RANGE if outside else draft.detector
        anomaly = with_context(anomaly, batch, row)
        blame = anomaly.values[blamed(anomaly.values)].name
        mute = self._silences.by(anomaly.entity, anomaly.time, blame)
        if mute is not None:
            return next(self._silenced(anomaly, mute, detector), None)
        progress = self._tracker.advance(batch, row)
        return self._tracker.place(anomaly, detector, progress, usual_gap)

    def _counted(self, found: Finding) -> Anomaly:
        """Count an anomaly that is sent, and return it."""
        severity_name = found.anomaly.severity.value
        self._telemetry.anomalies.labels(found.detector, severity_name).inc()
        return found.anomaly
