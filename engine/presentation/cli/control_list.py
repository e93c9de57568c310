"""What `pynomaly control FILE list` prints: the records of a log, a line each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from engine.application.live_control.records import ControlRecord, in_force
from engine.presentation.cli.control_words import effect_of
from engine.presentation.cli.table import Format, print_rows

COLUMNS = ("id", "entities", "effect", "from", "until", "who", "when", "why")


def print_records(
    records: Sequence[ControlRecord], at: datetime, output: Format, *, past: bool
) -> None:
    """Print the records of a log, a line each.

    Args:
        records: all of the log.
        at: the time by which some have ended.
        output: how they are printed.
        past: include those that have ended or were revoked, and say so of each.
    """
    states = _states(records, at)
    chosen = [one for one in records if past or states[one.id] == "in force"]
    if output is not Format.TABLE:
        print_rows([_document(one, states[one.id]) for one in chosen], (), output)
        return
    if chosen:
        rows = [{**row_of(one), "state": states[one.id]} for one in chosen]
        print_rows(rows, (*COLUMNS, "state") if past else COLUMNS, output)
    else:
        print("the log has no records" if past else "nothing is in force")
    if hidden := sum(states[one.id] in ("ended", "revoked") for one in records if not past):
        print(f"{hidden} that ended or were revoked: list --all")


def _states(records: Sequence[ControlRecord], at: datetime) -> dict[str, str]:
    """Return what has become of each record, by its id."""
    standing = {one.id for one in in_force(records)}
    now = {one.id for one in in_force(records, at)}
    revoked = {one.revoke.id for one in records if one.revoke is not None}
    found = {one.id: "done" for one in records}
    found |= {one.id: "replaced" for one in records if one.calendar is not None}
    found |= dict.fromkeys(revoked & found.keys(), "revoked")
    return found | dict.fromkeys(standing, "ended") | dict.fromkeys(now, "in force")


def _document(record: ControlRecord, state: str) -> dict[str, Any]:
    """Return a record as the server's API shows it, and its state."""
    written = record.model_dump(mode="json", by_alias=True, exclude_none=True)
    common: dict[str, Any] = {
        "id": record.id,
        "kind": record.kind,
        "state": state,
        "who": record.who,
    }
    common |= {"when": written["when"], "why": record.why, "request": record.request or None}
    return common | {"fields": written[record.kind]}


def row_of(record: ControlRecord) -> dict[str, str]:
    """Return the cells of a record, by COLUMNS."""
    spec = record.silence or record.pause or record.forget
    begin, end = (None, None) if spec is None else (spec.begin, spec.end)
    return {
        "id": record.id,
        "entities": ", ".join(record.entities),
        "effect": effect_of(record),
        "from": "" if begin is None else _moment(begin),
        "until": "" if end is None else _moment(end),
        "who": record.who,
        "when": _moment(record.when),
        "why": record.why,
    }


def _moment(moment: datetime) -> str:
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    return text.removesuffix(":00") + "Z"
