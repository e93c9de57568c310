"""The text that `pynomaly control` prints for a record."""

from __future__ import annotations

from collections.abc import Sequence

from engine.application.config.pipeline_file import PipelineFile
from engine.application.config.silence import WeeklySpec
from engine.application.live_control.record_types import RuleSpec
from engine.application.live_control.records import ControlRecord
from engine.application.use_cases.fitting_entities import fitting_entities


def print_record(record: ControlRecord) -> None:
    """Print a record: what it says, who wrote it, when, why."""
    print(f"{record.id:<13} {_sentence(record)}")
    why = f": {record.why}" if record.why else ""
    print(f"{'':<13} by {record.who}, {record.when.isoformat()}{why}")


def print_fitting(file: PipelineFile, patterns: Sequence[str]) -> None:
    """Print how many of the known entities patterns fit, and which pattern fits none."""
    found = fitting_entities(file, patterns) if patterns else None
    if found is None:
        return
    known = f"{found.known:,} known {'entity' if found.known == 1 else 'entities'}"
    print(f"{'':<13} fits {found.fitting:,} of {known}")
    for pattern, similar in found.unused:
        print(f"note: {pattern} fits no known entity.{similar}")


def effect_of(record: ControlRecord) -> str:
    """Return what a record does, without its entities and times."""
    if record.silence is not None:
        silence = record.silence
        words = ["mute", ", ".join(silence.values), _weekly(silence.weekly)]
        words += ["and publish"] * silence.publish + ["and learn"] * silence.learn
        return " ".join(word for word in words if word)
    if record.rule is not None:
        return _rule(record.rule)
    if record.feedback is not None:
        return _judgement(record)
    if record.budget is not None:
        return str(record.budget)
    if record.revoke is not None:
        return f"revoke {record.revoke.id}"
    simple = {"pause": "learn nothing", "forget": "forget the period", "reset": "start afresh"}
    return simple.get(record.kind) or _sentence(record)


def _sentence(record: ControlRecord) -> str:
    """Return what a record says, with its entities and times."""
    if record.revoke is not None:
        return f"of {record.revoke.id}"
    if record.feedback is not None:
        verdict, which = _judgement(record).split(": ", 1)
        return f"{verdict}, {', '.join(record.entities)}: {which}"
    if record.budget is not None:
        return f"{record.budget} until revoked"
    if record.calendar is not None:
        count = record.calendar.text.count("BEGIN:VEVENT")
        return f"{record.calendar.where}, {count} event{'' if count == 1 else 's'}"
    entities = ", ".join(record.entities)
    if record.rule is not None:
        return f"{entities} {_rule(record.rule)} until revoked"
    if record.reset is not None:
        return f"{entities}: models start afresh, with a warm-up; key, count and newest time stay"
    return f"{entities}{_times(record)}"


def _times(record: ControlRecord) -> str:
    words = [""]
    if record.silence is not None and record.silence.values:
        words.append(f"for {', '.join(record.silence.values)}")
    if record.silence is not None and record.silence.weekly is not None:
        words.append(_weekly(record.silence.weekly))
    spec = record.silence or record.pause or record.forget
    if spec is not None and spec.begin is not None:
        words.append(f"from {spec.begin.isoformat()}")
    if spec is not None:
        words.append("until revoked" if spec.end is None else f"until {spec.end.isoformat()}")
    return " ".join(words)


def _judgement(record: ControlRecord) -> str:
    judged = record.feedback
    assert judged is not None
    side = f" {judged.direction} the range" if judged.direction else ""
    where = f" of {judged.value}{side}" if judged.value else side
    return f"{judged.verdict}: {judged.kind}{where} like {judged.anomaly}"


def _weekly(weekly: WeeklySpec | None) -> str:
    if weekly is None:
        return ""
    zone = f" {weekly.zone}" if weekly.zone else ""
    return f"{','.join(weekly.days)} {weekly.begin:%H:%M}-{weekly.end:%H:%M}{zone}"


def _rule(rule: RuleSpec) -> str:
    words: list[str] = []
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
