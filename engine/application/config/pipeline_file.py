"""The pipeline file as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from hashlib import blake2b
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
from engine.application.config.absence import AbsenceChoice
from engine.application.config.alert import AlertSpec
from engine.application.config.defaults import complete
from engine.application.config.detector_choice import DetectorChoice, choose_detectors
from engine.application.config.event import EventSpec
from engine.application.config.event_key import part
from engine.application.config.issues import invalid
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
from engine.domain.errors import nearest
from engine.domain.mapping import decisive
from engine.domain.names import role_of
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
    absence: AbsenceChoice = None
    """When an entity that stops sending is an anomaly: learned, by its own usual gaps, or
    {after: 10m}; nobody watches unless given."""
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
        """Compare what the files say, whoever knows their secrets."""
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
    def _score_is_of_a_detector(cls, alert: AlertSpec, info: ValidationInfo) -> AlertSpec:
        names = [choice.name for choice in info.data.get("detectors", ())]
        if alert.score and names and alert.score.detector not in names:
            known = f"expected one of the pipeline's detectors: {', '.join(names)}."
            raise invalid(known + nearest(alert.score.detector, names), "score", "detector")
        return alert

    @field_validator("silences")
    @classmethod
    def _silenced_values_are_known(
        cls, silences: list[FileSilenceSpec], info: ValidationInfo
    ) -> list[FileSilenceSpec]:
        event = info.data.get("event")
        names = [] if event is None else event.mapping().value_names
        for number, silence in enumerate(silences):
            for value in silence.values:
                if names and value not in names:
                    text = f"expected names of event.values: {', '.join(names)}."
                    raise invalid(text + nearest(value, names), number, "values")
        return silences

    @field_validator("alert")
    @classmethod
    def _group_is_a_part_of_the_key(cls, alert: AlertSpec, info: ValidationInfo) -> AlertSpec:
        event = info.data.get("event")
        if alert.group_by is None or event is None:
            return alert
        if len(event.key) < 2 or part(alert.group_by) not in event.key:
            text = "expected one of the parts of event.key, as it is written there, of two or more"
            raise invalid(text, "group_by")
        return alert

    @field_validator("event")
    @classmethod
    def _messages_can_be_re_keyed(cls, event: EventSpec, info: ValidationInfo) -> EventSpec:
        source, repartition = info.data.get("source"), event.repartition
        if repartition is None or source is None:
            return event
        if repartition.kind != source.kind:
            text = f"expected a source of the same kind ({repartition.kind}), not {source.kind}"
            raise invalid(text, "repartition", repartition.kind)
        if _meet(task_source(source, event), source):
            raise invalid(
                "it is the source's topic: each message would be read again, for ever. Choose "
                "another topic",
                *("repartition", repartition.kind, "topic"),
            )
        return event

    @field_validator("sinks")
    @classmethod
    def _no_sink_is_the_source(cls, sinks: SinksSpec, info: ValidationInfo) -> SinksSpec:
        source, event = info.data.get("source"), info.data.get("event")
        read = [] if source is None else [source]
        if source is not None and event is not None:
            read.append(task_source(source, event))
        for sink in sinks.chosen():
            if any(_meet(sink.choice, each) for each in read):
                raise invalid(
                    "it writes what the source reads: each record would be read again, for ever. "
                    "Choose another topic",
                    role_of(sink.name),
                )
        return sinks

    @field_validator("sinks")
    @classmethod
    def _sinks_take_what_they_are_given(cls, sinks: SinksSpec) -> SinksSpec:
        for sink in sinks.chosen():
            taken = getattr(sink.choice.plugin, "roles", (role := role_of(sink.name),))
            if role not in taken:
                raise invalid(f"{sink.choice.kind} takes {', '.join(taken)} alone", role)
        return sinks

    @field_validator("sinks")
    @classmethod
    def _sinks_deliver_as_asked(cls, sinks: SinksSpec, info: ValidationInfo) -> SinksSpec:
        if info.data.get("delivery") != "exactly_once":
            return sinks
        for sink in sinks.chosen():
            if not getattr(sink.choice.plugin, "exactly_once", False):
                other = "choose a sink that can, such as kafka or file, or at_least_once"
                text = f"{sink.choice.kind} cannot deliver exactly once: {other}"
                raise invalid(text, role_of(sink.name))
        return sinks

    @field_validator("state")
    @classmethod
    def _absent_entities_are_remembered(cls, state: StateSpec, info: ValidationInfo) -> StateSpec:
        absence = info.data.get("absence")
        after = None if absence is None else absence.after
        if after is not None and state.idle_after is not None and state.idle_after <= after:
            text = "expected more than absence.after: what is forgotten is never found absent"
            raise invalid(text, "idle_after")
        return state

    @field_validator("state")
    @classmethod
    def _state_fits(cls, state: StateSpec, info: ValidationInfo) -> StateSpec:
        if state.kafka is None:
            return state
        source, sinks = info.data.get("source"), info.data.get("sinks")
        event = info.data.get("event")
        read = None if source is None or event is None else task_source(source, event)
        chosen = list(sinks.chosen()) if sinks else []
        others = [source, read, *(sink.choice for sink in chosen)]
        if any(other is not None and _meet(state.kafka, other) for other in others):
            raise invalid(
                "the state needs a topic of its own: it is that of the source, of "
                "event.repartition, or of a sink",
                "kafka",
            )
        if source is not None and not hasattr(source.plugin, "membership"):
            raise invalid(
                f"state in Kafka needs a source whose group shares out partitions, such as kafka; "
                f"{source.kind} has none: keep its state in a directory",
                "kafka",
            )
        if info.data.get("delivery") == "exactly_once":
            for sink in chosen:
                if not getattr(sink.choice.plugin, "shares_transaction", False):
                    raise invalid(
                        f"the sink {sink.name} ({sink.choice.kind}) is in no transaction with "
                        "state in Kafka: use a kafka sink, at_least_once, or state in a directory",
                        "kafka",
                    )
        return state

    @field_validator("state")
    @classmethod
    def _a_directory_keeps_checkpoints(cls, state: StateSpec) -> StateSpec:
        if state.keep and state.kafka is not None:
            raise invalid("expected state in a directory: a topic keeps no earlier one", "keep")
        return state

    @field_validator("control")
    @classmethod
    def _control_has_its_own_topic(cls, control: ControlSpec, info: ValidationInfo) -> ControlSpec:
        state: StateSpec | None = info.data.get("state")
        source, event = info.data.get("source"), info.data.get("event")
        read = None if source is None or event is None else task_source(source, event)
        others = [source, read, None if state is None else state.kafka]
        if sinks := info.data.get("sinks"):
            others += [chosen.choice for chosen in sinks.chosen()]
        own = control.kafka
        if own is not None and any(other is not None and _meet(own, other) for other in others):
            raise invalid(
                "the control log needs a topic of its own: it is the source's, the state's, or a "
                "sink's",
                "kafka",
            )
        return control

    @property
    def task_source(self) -> PluginChoice:
        """The source whose partitions are tasks: the topic that messages are re-keyed through."""
        return task_source(self.source, self.event)

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
            detector_prints=self.detector_prints,
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
        """Digest of what an entity and its values are; another one makes stored entities void."""
        mapping = self.event.mapping()
        values: list[Any] = [[value.name, decisive(value.path)] for value in mapping.values]
        meanings = [[value.numbers, value.scale] for value in mapping.values]
        if any(numbers or scale for numbers, scale in meanings):
            values.append(meanings)
        if counters := [value.name for value in mapping.values if value.counter]:
            values.append(["counters", counters])
        return _print([decisive(mapping.key), values])

    @property
    def detector_prints(self) -> tuple[str, ...]:
        """Digest of each detector's parameters, the form of its model, and its calibration."""
        window = self.calibration.calibration().window
        # Seasons that were learned by the clocks of one zone mean nothing on those of another.
        clocks = [] if (zone := self.event.timezone) == "UTC" else [zone]
        return tuple(
            _print([asdict(choice), window, *clocks, *_layout(choice.name)])
            for choice in self.detectors
        )

    @property
    def version(self) -> str:
        """Twelve hex digits that change with all that decides scores and ids, and nothing else."""
        deciding = [
            decisive(self.event.mapping()),
            [asdict(choice) for choice in self.detectors],
            self.combine,
            asdict(self.calibration.calibration()),
        ]
        return _print(deciding)


def task_source(source: PluginChoice, event: EventSpec) -> PluginChoice:
    """Return the source whose partitions are tasks."""
    chosen = event.repartition
    if chosen is None:
        return source
    plugin, settings = chosen.plugin.task_source(chosen.settings, source.settings)
    return PluginChoice(chosen.kind, plugin, settings)


def _meet(one: PluginChoice, other: PluginChoice) -> bool:
    """Return whether two plug-ins name the same place; one that names none conflicts with none."""
    nowhere: Callable[[], frozenset[str]] = frozenset
    places = [getattr(choice.settings, "places", nowhere)() for choice in (one, other)]
    return bool(places[0] & places[1])


def _maybe_ns(duration: timedelta | None) -> int | None:
    return None if duration is None else nanoseconds(duration)


def _layout(detector: str) -> list[int]:
    layout = registry.declaration(detector).layout
    return [layout] if layout else []


def _print(decisive: object) -> str:
    """Return twelve hex digits that change with what is given."""
    return blake2b(json.dumps(decisive, sort_keys=True).encode(), digest_size=6).hexdigest()
