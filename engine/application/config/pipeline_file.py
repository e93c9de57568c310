"""The pipeline file as a whole."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    PrivateAttr,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from engine.application import registry
from engine.application.config import agreement, fingerprints, separate_places
from engine.application.config.absence import AbsenceChoice, AbsenceSpec
from engine.application.config.alert import AlertSpec
from engine.application.config.defaults import complete
from engine.application.config.detector_choice import DetectorChoice, choose_detectors
from engine.application.config.event import EventSpec
from engine.application.config.event_key import part
from engine.application.config.plugin_choice import PLUGIN, PluginChoice, SourceChoice
from engine.application.config.quantity import nanoseconds
from engine.application.config.sections import (
    CalibrationSpec,
    ControlSpec,
    MetricsSpec,
    SinksSpec,
    StateSpec,
    TracingSpec,
)
from engine.application.config.silence import FileSilenceSpec
from engine.application.ports import Settings
from engine.application.telemetry.redaction import Redactor
from engine.domain.absence import AbsenceRule
from engine.domain.alert_promise import AlertPromise
from engine.domain.pipeline import Combination, Pipeline
from engine.domain.silence import Silence

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
DETECTORS = {
    "anyOf": [
        {"type": "array", "items": {PLUGIN: "Detector"}, "minItems": 1},
        {"type": "string", PLUGIN: "Detector"},
    ]
}


class PipelineFile(Settings):
    """A pipeline: source, event mapping, detectors, alert policy and sinks."""

    name: str = Field(pattern=NAME, max_length=100)
    """Name of the pipeline; written into every anomaly."""
    source: SourceChoice
    """Where events come from: one source plug-in with its settings."""
    event: EventSpec
    """How a message becomes an event."""
    detectors: Annotated[list[DetectorChoice], WithJsonSchema(DETECTORS)] = Field(
        default=[DetectorChoice("auto")], json_schema_extra={"default": "auto"}
    )
    """Detectors: a name, or a list of names and {name: {parameters}}; see `pynomaly detectors`."""
    combine: Combination = "any"
    """How the detectors' p-values become one: any, all, cauchy (the Cauchy combination test), or
    weighted (each entity learns which detectors pay)."""
    calibration: CalibrationSpec = Field(default_factory=CalibrationSpec)
    """How raw scores become p-values."""
    alert: AlertSpec = Field(default_factory=AlertSpec)
    """Which events become anomalies."""
    absence: AbsenceChoice = Field(
        default_factory=AbsenceSpec, json_schema_extra={"default": "learned"}
    )
    """When an entity that stops sending is an anomaly: learned, by its own usual gaps, after a
    fixed time ({after: 10m}), or off."""
    silences: list[FileSilenceSpec] = Field(default_factory=list)
    """When alerts are muted, as in maintenance windows."""
    delivery: Literal["at_least_once", "exactly_once"] = "at_least_once"
    """at_least_once: seen at once, repeated after a crash; exactly_once: seen at checkpoints."""
    sinks: SinksSpec
    """Where anomalies, scores and rejects go."""
    state: StateSpec
    """Checkpoints and memory."""
    control: ControlSpec = Field(default_factory=ControlSpec)
    """Where the control log lies."""
    metrics: MetricsSpec | None = Field(default_factory=MetricsSpec)
    """The metrics page for Prometheus; null switches it off."""
    tracing: TracingSpec | None = None
    """Traces of batches, for Jaeger and others; off unless given."""

    _redactor: Redactor = PrivateAttr(default_factory=Redactor)

    def __eq__(self, other: object) -> bool:
        """Compare the contents of the files, whichever redactor knows their secrets."""
        names = type(self).model_fields
        return isinstance(other, PipelineFile) and all(
            getattr(self, name) == getattr(other, name) for name in names
        )

    @property
    def redactor(self) -> Redactor:
        """What knows the secrets of this file."""
        return self._redactor

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: Any) -> Any:
        return complete(data)

    @field_validator("detectors", mode="plain")
    @classmethod
    def _choose_detectors(cls, value: object, info: ValidationInfo) -> list[DetectorChoice]:
        event = info.data.get("event")
        return choose_detectors(value, tuple(event.values) if event else ("value",))

    @field_validator("alert")
    @classmethod
    def _alert_fits(cls, alert: AlertSpec, info: ValidationInfo) -> AlertSpec:
        agreement.check_alert(alert, info.data.get("detectors", ()), info.data.get("event"))
        return alert

    @field_validator("silences")
    @classmethod
    def _silenced_values_are_known(
        cls, silences: list[FileSilenceSpec], info: ValidationInfo
    ) -> list[FileSilenceSpec]:
        agreement.check_silences(silences, info.data.get("event"))
        return silences

    @field_validator("event")
    @classmethod
    def _messages_can_be_re_keyed(cls, event: EventSpec, info: ValidationInfo) -> EventSpec:
        separate_places.check_repartition(event, info.data.get("source"))
        return event

    @field_validator("sinks")
    @classmethod
    def _sinks_fit(cls, sinks: SinksSpec, info: ValidationInfo) -> SinksSpec:
        read = separate_places.sources(info.data.get("source"), info.data.get("event"))
        separate_places.check_sinks(sinks, read)
        agreement.check_sinks(sinks, exactly_once=info.data.get("delivery") == "exactly_once")
        return sinks

    @field_validator("state")
    @classmethod
    def _state_fits(cls, state: StateSpec, info: ValidationInfo) -> StateSpec:
        source, sinks = info.data.get("source"), info.data.get("sinks")
        chosen = list(sinks.chosen()) if sinks else []
        if state.kafka is not None:
            read = separate_places.sources(source, info.data.get("event"))
            separate_places.check_state(state.kafka, [*read, *(sink.choice for sink in chosen)])
        exactly_once = info.data.get("delivery") == "exactly_once"
        agreement.check_state(
            state, info.data.get("absence"), source, chosen if exactly_once else []
        )
        return state

    @field_validator("control")
    @classmethod
    def _control_has_its_own_topic(cls, control: ControlSpec, info: ValidationInfo) -> ControlSpec:
        if control.kafka is None:
            return control
        others = separate_places.sources(info.data.get("source"), info.data.get("event"))
        state: StateSpec | None = info.data.get("state")
        if state is not None and state.kafka is not None:
            others.append(state.kafka)
        if sinks := info.data.get("sinks"):
            others += [chosen.choice for chosen in sinks.chosen()]
        separate_places.check_control(control.kafka, others)
        return control

    @property
    def task_source(self) -> PluginChoice:
        """The source whose partitions are tasks: the topic that messages are re-keyed through."""
        return separate_places.task_source(self.source, self.event)

    def pipeline(self) -> Pipeline:
        """Return the pipeline in the domain's words."""
        mapping = self.event.mapping()
        return Pipeline(
            name=self.name,
            version=self.version,
            mapping=mapping,
            detectors=tuple(choice.create(mapping.value_names) for choice in self.detectors),
            combine=self.combine,
            calibration=self.calibration.calibration(),
            alert=self.alert.policy(),
            incident_gap=nanoseconds(self.alert.incident_gap),
            memory_bytes=self.state.memory_limit,
            mapping_fingerprint=self.mapping_fingerprint,
            detector_fingerprints=self.detector_fingerprints,
            rules=self.event.rules(),
            absence=self._absence,
            silences=self._silences(mapping.timezone),
            incident_events=self.sinks.incidents is not None,
            group_by=self._group_by,
            context=self.alert.context,
            idle_after=_maybe_ns(self.state.idle_after),
        )

    def _silences(self, zone: str) -> tuple[Silence, ...]:
        return tuple(one.silence(n, zone) for n, one in enumerate(self.silences, start=1))

    def alert_promise(self) -> AlertPromise:
        """Return what the alert policy promises with these detectors."""
        names = dict.fromkeys(choice.name for choice in self.detectors)
        unbounded = tuple(n for n in names if not registry.declaration(n).keeps_budget)
        return AlertPromise(self.alert.policy(), unbounded)

    @property
    def _absence(self) -> AbsenceRule | None:
        return None if self.absence is None else self.absence.rule()

    @property
    def _group_by(self) -> int | None:
        name = self.alert.group_by
        return None if name is None else self.event.key.index(part(name))

    @property
    def mapping_fingerprint(self) -> str:
        """Digest of what an entity and its values are; a change voids stored entities."""
        return fingerprints.of_mapping(self.event)

    @property
    def detector_fingerprints(self) -> tuple[str, ...]:
        """Digest of each detector's parameters, the layout of its model, and its calibration."""
        calibration = self.calibration.calibration()
        return fingerprints.of_detectors(self.detectors, calibration, self.event)

    @property
    def version(self) -> str:
        """Twelve hex digits that change with all that decides scores and ids, and nothing else."""
        calibration = self.calibration.calibration()
        return fingerprints.of_scores(self.event, self.detectors, self.combine, calibration)


def _maybe_ns(duration: timedelta | None) -> int | None:
    return None if duration is None else nanoseconds(duration)
