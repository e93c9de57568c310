"""Write and read the control log of a pipeline, which may be running."""

from __future__ import annotations

import getpass
import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from engine.application.config.pipeline_file import PipelineFile
from engine.application.live_control.log import Log
from engine.application.live_control.log_file import ControlLog
from engine.application.live_control.log_of import log_of
from engine.application.live_control.records import (
    ControlRecord,
    Kind,
    first_issue,
    in_force,
    now,
)
from engine.application.ports import RunContext
from engine.application.state.trust import require_trusted
from engine.application.telemetry.correlation import current_correlation
from engine.domain.alert_policy import Budget
from engine.domain.errors import ConnectorError, FatalError, nearest


def add_record(
    file: PipelineFile,
    kind: Kind,
    fields: dict[str, Any],
    why: str,
    who: str | None = None,
    at: datetime | None = None,
) -> ControlRecord:
    """Append a record; a running pipeline applies it within about a second.

    Args:
        file: the pipeline file.
        kind: of the record.
        fields: its fields, as in the log.
        why: for people who read it later.
        who: the author; by default the user of this process.
        at: when it was given, which is when it begins if it begins now; by default now.

    Raises:
        FatalError: it does not fit, or the log cannot be written.
        ConnectorError: the brokers did not confirm it.
    """
    refuse_unknown_values(file, fields.get("values", ()))
    if kind == "budget":
        _require_budget(file)
    if fields.get("weekly") is not None:
        # The record shows in which zone its hours are, whatever the pipeline file says later.
        zone = fields["weekly"].get("zone") or file.event.timezone
        fields = {**fields, "weekly": {**fields["weekly"], "zone": zone}}
    log = _open(file)
    common = {"who": who or _user(), "when": (at or now()).isoformat(), "why": why, kind: fields}
    if (request := current_correlation()) is not None:
        common |= {"request": request.request, "trace": request.trace or ""}

    def make(number: int) -> ControlRecord:
        if kind == "revoke":
            _refuse_not_in_force(log.records, fields["id"])
        try:
            return ControlRecord.model_validate(
                {"id": f"{kind}-{number}", "number": number, **common}
            )
        except ValidationError as error:
            place, text = first_issue(error)
            raise FatalError(f"{place}: {text}") from error

    try:
        return log.append(make)
    except OSError as error:
        raise FatalError(f"{log.where} cannot be written: {error.strerror}") from error
    except ConnectorError as error:
        raise ConnectorError(
            f"{log.where}: the record is not confirmed: {error}. Once the brokers answer, look at "
            "`pynomaly control FILE list`, and write it again if it is missing"
        ) from error


def records_in_force(
    file: PipelineFile, at: datetime | None, *, past: bool = False
) -> Sequence[ControlRecord]:
    """Return the records in force, in the order of the log.

    Args:
        file: the pipeline file.
        at: leave out records that ended before this time; None keeps all.
        past: return all records instead, including those that have ended.

    Raises:
        FatalError: the log cannot be read.
    """
    in_directory = file.control.kafka is None and file.state.kafka is None
    if in_directory and not file.state.directory.exists():
        return []
    log = _open(file)
    try:
        log.read()
    except OSError as error:
        raise FatalError(f"{log.where} cannot be read: {error.strerror}") from error
    return log.records if past else in_force(log.records, at)


def _open(file: PipelineFile) -> Log:
    if file.control.kafka is not None:
        log = log_of(file, RunContext(file.name))
        assert log is not None
        return log
    if file.state.kafka is not None:
        raise FatalError(
            "the control log is in the state directory, and this pipeline keeps its state in "
            "Kafka: give it a topic with `control: {kafka: {topic: ...}}`"
        )
    directory = file.state.directory
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    require_trusted(directory)
    return ControlLog(directory)


def refuse_unknown_values(file: PipelineFile, values: Sequence[str]) -> None:
    """Refuse values that a pipeline does not have.

    Raises:
        FatalError: one of them is unknown; the message has those that are known.
    """
    names = file.event.mapping().value_names
    for value in values:
        if value not in names:
            known = f"the pipeline has {', '.join(names)}"
            raise FatalError(f'there is no value "{value}": {known}.{nearest(value, names)}')


def _require_budget(file: PipelineFile) -> None:
    policy = file.alert.policy()
    if not isinstance(policy, Budget):
        raise FatalError(
            "budget: the pipeline file has no alert budget but another alert policy: change "
            "`alert` there"
        )


def _refuse_not_in_force(records: Sequence[ControlRecord], own: str) -> None:
    holding = [record.id for record in in_force(records)]
    if own not in holding:
        known = f"in force are {', '.join(holding)}" if holding else "nothing is in force"
        raise FatalError(f'"{own}" is not in force: {known}.{nearest(own, holding)}')


def _user() -> str:
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return str(os.geteuid())
