"""Rules between the sections of a pipeline file: what one says has to fit the others.

A section that is wrong in itself is None: it has its own message.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.application.config.absence import AbsenceSpec
from engine.application.config.alert import AlertSpec
from engine.application.config.detector_choice import DetectorChoice
from engine.application.config.event import EventSpec
from engine.application.config.event_key import part
from engine.application.config.issues import invalid
from engine.application.config.plugin_choice import PluginChoice
from engine.application.config.sections import ChosenSink, SinksSpec, StateSpec
from engine.application.config.silence import FileSilenceSpec
from engine.domain.errors import nearest
from engine.domain.names import role_of


def check_alert(
    alert: AlertSpec, detectors: Sequence[DetectorChoice], event: EventSpec | None
) -> None:
    """Check that the alert policy names a detector of the pipeline, and a part of its key.

    Raises:
        ValueError: it does not.
    """
    names = [choice.name for choice in detectors]
    if alert.score and names and alert.score.detector not in names:
        known = f"expected one of the pipeline's detectors: {', '.join(names)}."
        raise invalid(known + nearest(alert.score.detector, names), "score", "detector")
    if alert.group_by is None or event is None:
        return
    if len(event.key) < 2 or part(alert.group_by) not in event.key:
        text = "expected one of the parts of event.key, as it is written there, of two or more"
        raise invalid(text, "group_by")


def check_silences(silences: Sequence[FileSilenceSpec], event: EventSpec | None) -> None:
    """Check that silences name values of the event.

    Raises:
        ValueError: one does not.
    """
    names = [] if event is None else event.mapping().value_names
    for number, silence in enumerate(silences):
        for value in silence.values:
            if names and value not in names:
                text = f"expected names of event.values: {', '.join(names)}."
                raise invalid(text + nearest(value, names), number, "values")


def check_sinks(sinks: SinksSpec, *, exactly_once: bool) -> None:
    """Check that each sink takes its role, and delivers as the file wants it.

    Raises:
        ValueError: one does not.
    """
    for sink in sinks.chosen():
        taken = getattr(sink.choice.plugin, "roles", (role := role_of(sink.name),))
        if role not in taken:
            raise invalid(f"{sink.choice.kind} takes {', '.join(taken)} alone", role)
    for sink in sinks.chosen():
        if exactly_once and not getattr(sink.choice.plugin, "exactly_once", False):
            other = "choose a sink that can, such as kafka or file, or at_least_once"
            text = f"{sink.choice.kind} cannot deliver exactly once: {other}"
            raise invalid(text, role_of(sink.name))


def check_state(
    state: StateSpec,
    absence: AbsenceSpec | None,
    source: PluginChoice | None,
    in_transactions: Sequence[ChosenSink],
) -> None:
    """Check that state can be kept as it is asked for.

    Args:
        state: to check.
        absence: what is remembered has to outlast it.
        source: shares out partitions, if state is in Kafka.
        in_transactions: sinks that deliver exactly once.

    Raises:
        ValueError: it cannot.
    """
    after = None if absence is None else absence.after
    if after is not None and state.idle_after is not None and state.idle_after <= after:
        text = "expected more than absence.after: what is forgotten is never found absent"
        raise invalid(text, "idle_after")
    if state.kafka is None:
        return
    if source is not None and not hasattr(source.plugin, "membership"):
        raise invalid(
            f"state in Kafka needs a source whose group shares out partitions, such as kafka; "
            f"{source.kind} has none: keep its state in a directory",
            "kafka",
        )
    for sink in in_transactions:
        if not getattr(sink.choice.plugin, "shares_transaction", False):
            raise invalid(
                f"the sink {sink.name} ({sink.choice.kind}) is in no transaction with "
                "state in Kafka: use a kafka sink, at_least_once, or state in a directory",
                "kafka",
            )
    if state.keep:
        raise invalid("expected state in a directory: a topic keeps no earlier one", "keep")
