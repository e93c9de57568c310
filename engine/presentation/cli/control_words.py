"""The text that `pynomaly control` prints for a record."""

from __future__ import annotations

from engine.application.live_control.record_types import RuleSpec
from engine.application.live_control.records import ControlRecord


def print_record(record: ControlRecord) -> None:
    """Print a record: what it says, who wrote it, when, why."""
    print(f"{record.id:<13} {_said(record)}")
    why = f": {record.why}" if record.why else ""
    print(f"{'':<13} by {record.who}, {record.when.isoformat()}{why}")


def _said(record: ControlRecord) -> str:
    if record.revoke is not None:
        return f"of {record.revoke.id}"
    if record.feedback is not None:
        judged = record.feedback
        where = f"{judged.direction} {judged.value}".strip()
        which = f"{judged.kind} of {where} like {judged.anomaly}"
        return f"{judged.verdict}, {', '.join(record.entities)}: {which}"
    if record.budget is not None:
        whose = f" per {record.budget.per}" if record.budget.per else ""
        return f"{record.budget.budget}{whose} until revoked"
    if record.calendar is not None:
        return f"{record.calendar.where}, {record.calendar.text.count('BEGIN:VEVENT')} events"
    if record.rule is not None:
        return f"{_rule(record.rule)} until revoked"
    words = [", ".join(record.entities)]
    if record.silence is not None and record.silence.values:
        words.append(f"for {', '.join(record.silence.values)}")
    spec = record.silence or record.pause or record.forget
    if spec is not None and spec.begin is not None:
        words.append(f"from {spec.begin.isoformat()}")
    if spec is not None:
        words.append("until revoked" if spec.end is None else f"until {spec.end.isoformat()}")
    return " ".join(words)


def _rule(rule: RuleSpec) -> str:
    words = [", ".join(rule.entities)]
    if rule.values:
        words.append(f"for {', '.join(rule.values)}")
    if rule.direction is not None:
        words.append(f"direction {rule.direction}")
    if rule.min_deviation is not None:
        least = rule.min_deviation.model_dump(exclude_defaults=True) or {"absolute": 0}
        words.append(f"min_deviation {', '.join(f'{k} {v:g}' for k, v in least.items())}")
    if rule.valid_range is not None:
        low, high = ("none" if b is None else f"{b:g}" for b in rule.valid_range)
        words.append(f"valid_range {low} to {high}")
    return " ".join(words)
